from lemur_core.testing import PluginContract

# The rules of nets train each net several times, in one process, which uses one framework.
NETS = ("CNN-S.pytorch", "MLP.jax", "MLP.pytorch", "VGG-mini-BN.pytorch")


class TestContract(PluginContract):
    plugin = "lemur_twins.plugin"
    # Keras on PyTorch and JAX has the layers of Keras on TensorFlow: see test_parity.
    twin_frameworks = ("jax", "tensorflow")

    def pytest_generate_tests(self, metafunc):
        if "net" not in metafunc.fixturenames:
            super().pytest_generate_tests(metafunc)
            return
        nets = [net for net in self.entries["net"] if net.name in NETS]
        metafunc.parametrize("net", nets, ids=[net.name for net in nets])
