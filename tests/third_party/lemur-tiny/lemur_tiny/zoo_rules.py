"""The contract tests of zoos."""


class ZooRules:
    def test_zoo_has_members(self, zoo):
        """Its members have hyperparameters."""
        assert all(zoo.load()())
