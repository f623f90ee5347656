from lemur_core.testing import PluginContract


class TestContract(PluginContract):
    plugin = "lemur_analysis.plugin"

    def importer_place(self, importer, folder):
        place = folder / "vgg16.csv"
        place.write_text(
            "Name,adam_epsilon,batch_size,learning_rate,epochs,pt_test_acc,tf_test_acc,"
            "accuracy_diff\n"
            "dual_train_1,0.5,10,0.1,20,0.100000002,0.100000001,4.17E-10\n"
            "dual_train_2,1E-08,1000,1E-08,1,0.25,0.75,0.5\n"
        )
        return place
