from lemur_core.testing import PluginContract


class TestContract(PluginContract):
    plugin = "lemur_analysis.plugin"

    def importer_place(self, importer, folder):
        if importer.name == "timm":
            place = folder / "results-imagenet.csv"
            place.write_text(
                "model,img_size,top1,top1_err,top5,top5_err,param_count,crop_pct,interpolation\n"
                'big_net.a_in1k,448,90.056,9.944,99.054,0.946,"1,013.01",1.000,bicubic\n'
                "small_net.b_in1k,224,70.001,30.000,90.000,10.000,0.37,0.875,bilinear\n"
            )
            return place
        if importer.name == "nats-bench":
            place = folder / "nats.csv"
            place.write_text(
                "idx,dataset,flops,params,test_accuracy\n"
                "0,cifar10,15646730.0,129306.0,86.5\n"
                "15624,ImageNet16-120,4086272.0,975656.0,27.4\n"
            )
            return place
        place = folder / "vgg16.csv"
        place.write_text(
            "Name,adam_epsilon,batch_size,learning_rate,epochs,pt_test_acc,tf_test_acc,"
            "accuracy_diff\n"
            "dual_train_1,0.5,10,0.1,20,0.100000002,0.100000001,4.17E-10\n"
            "dual_train_2,1E-08,1000,1E-08,1,0.25,0.75,0.5\n"
        )
        return place
