from lemur_core.testing import PluginContract


class TestContract(PluginContract):
    plugin = "lemur_twins.plugin"
    # Keras on PyTorch and JAX has the layers of Keras on TensorFlow: see test_parity.
    twin_frameworks = ("jax", "tensorflow")


# The rules of nets run in one process, which uses one framework, and train each net several times.
TestContract.entries["net"] = [
    net
    for net in TestContract.entries["net"]
    if net.name in ("CNN-S.pytorch", "MLP.pytorch", "VGG-mini-BN.pytorch")
]
