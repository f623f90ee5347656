import json
import re

import pytest

from lemur_core import Entry
from lemur_core.errors import hint
from lemur_core.store.schema import REVISION

BLOBS = "img-classification_blobs_hits"
SMALL = ("--trials", 1, "--epochs", 2, "--in-process")


@pytest.fixture
def broken(toys):
    """Install a plugin whose import fails in addition to the toy plugin."""

    class Source:
        name = "broken"

        def load(self):
            raise RuntimeError("no luck")

    toys.add(Source())
    return toys


def test_running_without_arguments_trains_the_demo_and_ends_with_a_leaderboard(lemur):
    status, out, _ = lemur("run", *SMALL)
    assert status == 0
    lines = out.splitlines()
    assert lines[0] == "1 pipeline, 1 trial of 2 epochs on cpu; results go to lemur.db"
    assert f"{BLOBS}_Linear: 1 trial to go" in lines
    assert [line.split(":")[0].strip() for line in lines if "validation" in line][:3] == [
        "epoch 1/2", "epoch 2/2", "trial 1 finished",
    ]  # fmt: skip
    board = lines.index(BLOBS)
    assert lines[board + 1].split() == [
        "net", "test", "validation", "id", "trial", "epoch", "seconds", "hyperparameters",
    ]  # fmt: skip
    net, _, _, uid, *_ = lines[board + 2].split()
    assert net == "Linear"
    assert f"  trial 1 ({uid}): " in "\n".join(lines)
    assert lines[-1] == "results: lemur.db (lemur data)"


def test_quiet_prints_only_the_leaderboard(lemur):
    status, out, _ = lemur("run", *SMALL, "--quiet")
    assert status == 0
    assert out.startswith(f"{BLOBS}\nnet ")


def test_json_prints_an_object_for_each_event(lemur, monkeypatch):
    monkeypatch.setenv("LEMUR_USER", "ann")
    status, out, _ = lemur("run", *SMALL, "--json", "--seed", "random")
    events = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    assert [event["event"] for event in events] == [
        "CampaignStarted", "StudyStarted", "TrialStarted", "EpochEnded", "EpochEnded",
        "TrialFinished", "CampaignEnded",
    ]  # fmt: skip
    assert events[3]["pipeline"] == f"{BLOBS}_Linear"
    assert {"epoch", "loss", "validation", "accuracy", "duration_ns"} < set(events[3])
    assert events[-1]["states"] == {"finished": 1}
    [uid] = {event["uid"] for event in events[2:6]}
    assert events[-1]["standings"][0]["uid"] == uid
    status, out, _ = lemur("trials", "--json", "--columns", "trial,user,campaign.seed")
    assert json.loads(out) == {
        "trial": uid, "user": "ann", "campaign.seed": events[0]["seed"],
    }  # fmt: skip
    # The chance that it is the default is one in two thousand million.
    assert 0 < events[0]["seed"] < 2**31
    # Of equal epochs, the last one is the best.
    best = max(events[3:5], key=lambda event: (event["validation"], event["epoch"]))
    assert events[-1]["standings"][0]["accuracy"] == best["accuracy"]


def test_dry_run_prints_the_pipelines_and_trains_nothing(lemur, tmp_path):
    status, out, errors = lemur("run", BLOBS, "--net", "{Linear,Raises}", "--dry-run")
    assert (status, out) == (0, f"{BLOBS}_Raises\n{BLOBS}_Linear\n")
    assert errors == "2 transforms searched by all pipelines: plain, double\n"
    assert not list(tmp_path.iterdir())


def test_settings_come_from_a_toml_file(lemur, tmp_path):
    (tmp_path / "study.toml").write_text(f'patterns = "{BLOBS}_Linear"\ntrials = 1\nepochs = 2\n')
    status, out, _ = lemur("run", "study.toml", "-e", 1, "--json", "--in-process")
    assert status == 0
    assert json.loads(out.splitlines()[0])["epochs"] == 1


def test_lemurs_long_option_names_are_accepted(lemur):
    status, out, _ = lemur(
        "run", "-c", f"{BLOBS}_Linear", "-t", 1, "-e", 1, "--min_learning_rate", "0.01", "-l",
        "0.02", "--min_batch_binary_power", 3, "-b", 3, "-f", "plain", "--json", "--in-process",
    )  # fmt: skip
    prm = json.loads(out.splitlines()[2])["prm"]
    assert status == 0
    assert 0.01 <= prm["lr"] <= 0.02
    assert (prm["batch"], prm["transform"]) == (8, "plain")


def test_failed_trial_is_counted_and_exits_with_status_1(lemur):
    status, out, err = lemur("run", f"{BLOBS}_Raises", *SMALL, "-a", 2)
    assert status == 1
    lines = out.splitlines()
    uid = re.search(r"  trial 1 \((\w{8})\): ", out)[1]
    after = lines[lines.index("  trial 1 failed: RuntimeError: out of luck") + 1]
    assert re.fullmatch(
        rf"    in \S+Raises.py, line \d+; lemur show trial {uid} --no-source shows the traceback",
        after,
    )
    assert lines[lines.index("  2 failed: RuntimeError: out of luck") + 1] == after
    assert err == (
        "lemur: warning: dataset 'blobs': validation split has 6 samples: scores differ by 17% per "
        "sample; use --validation 0.2\n"
        f"lemur: warning: {BLOBS}_Raises is set aside: its first 2 trials failed in the same way: "
        "RuntimeError: out of luck\n"
    )


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["run", "--net", "linear"], "unknown net 'linear'. Did you mean 'Linear'?"),
        (["run", "zebra"], "unknown task 'zebra'; there are img-classification, txt-generation"),
        (["run", "--lr", "1..0.1"], "lr=1..0.1: runs backwards; expected the smaller number first"),
        (["run", "--net", "no.py"], "there is no net file 'no.py'"),
        (["run", "--net", "Tall"], "'*_*_*_Tall': no pipeline of the installed entries matches; "
         "lemur list shows the entries"),
        (["run", "--db", "."],
         "database .: is a directory; expected a file, for example ./lemur.db"),
        (["run", "--seed", "lucky"],
         "Invalid value for '--seed': 'lucky': expected an integer, or random See lemur run "
         "--help."),
        (["run", "--user", "a\nb"], "user name 'a\\nb': contains a control character"),
        (["run", "--user", "x" * 100_000],
         "user name 'xxxxxxxxxxxxxxxxxxxx...': has 100,000 characters; at most 200 are allowed"),
        (["run", "--qqqq"], "No such option '--qqqq'. See lemur run --help."),
        (["run", "img-classification_absent"],
         "dataset 'absent': data has no absent.bin; get it from nowhere"),
        (["runn"], "unknown command 'runn'. Did you mean 'run'?"),
        (["list", "nett"], "unknown kind 'nett'. Did you mean 'net'?"),
        (["show", "net", "linear"], "unknown net 'linear'. Did you mean 'Linear'?"),
        (["show", "net", "Linear", "--size", "--shape", "3x3"],
         "shape '3x3': expected channels x height x width, as in 3x224x224"),
        (["data"], "database lemur.db: there is no such file; lemur run writes one"),
    ],
)  # fmt: skip
def test_user_error_prints_one_line_and_exits_with_status_2(lemur, arguments, line):
    status, out, err = lemur(*arguments)
    assert (status, out) == (2, "")
    assert err == f"lemur: error: {line}\n"


def test_failing_plugin_prints_one_warning_and_others_work(lemur, broken):
    warning = (
        "lemur: warning: plugin 'broken' was left out: RuntimeError: no luck (see lemur doctor)\n"
    )
    status, out, err = lemur("list", "metrics")
    assert (status, err) == (0, warning)
    assert out == (
        "metric  plugin  tasks               summary\n"
        "hits    toy     img-classification  Share of hits\n"
    )


def test_doctor_shows_versions_plugins_and_tracebacks(lemur, broken):
    status, out, _ = lemur("doctor", "--no-torch")
    assert status == 1
    assert "plugin      toy (lemur-toy 1.2): 6 nets, 3 loaders, 2 transforms, 1 metric" in out
    assert "plugin      broken was left out: RuntimeError: no luck" in out
    assert 'raise RuntimeError("no luck")' in out
    assert "database    lemur.db (does not exist yet; lemur run creates it)" in out


def test_doctor_counts_what_the_database_holds(lemur):
    lemur("run", *SMALL, "-q")
    status, out, _ = lemur("doctor")
    assert status == 0
    assert f"database    lemur.db, 1 trials, 2 epochs, schema {REVISION}" in out
    assert "device      cpu, " in out


def test_show_prints_origin_hyperparameters_and_source_of_a_net(lemur, toys):
    status, out, _ = lemur("show", "net", "Linear")
    assert status == 0
    for fact in (
        "net         toy/Linear", "origin      lemur-toy 1.2", "tasks       img-classification",
        "  width         1..4 int", "  lr            0.001..0.1 log",
        toys.get("net", "Linear").source(),
    ):  # fmt: skip
        assert fact in out


def test_show_counts_parameters_and_multiply_adds(lemur):
    arguments = ("--size", "--shape", "3x8x8", "--classes", 5, "--no-source")
    _, out, _ = lemur("show", "net", "Linear", *arguments)
    # Two layers with biases, 192 to 1 and 1 to 5.
    assert "parameters  203 (0.00 million), for 3x8x8 and 5 classes" in out
    assert "multiply-adds 197, for 3x8x8 and 5 classes" in out


def test_data_prints_results_as_a_table_csv_and_json(lemur):
    lemur("run", *SMALL, "-q")
    _, table, _ = lemur("data")
    lines = table.splitlines()
    assert (len(lines), lines[0]) == (4, BLOBS)
    assert lines[1].split()[:4] == ["net", "trial", "epoch", "accuracy"]
    assert lemur("data", "--net", "Raises")[:2] == (0, "no such rows\n")
    _, csv, _ = lemur("data", "--format", "csv", "--epoch", 1)
    assert csv.startswith("task,dataset,metric,metric_code,nn,nn_code,epoch,accuracy,")
    _, text, _ = lemur("data", "--format", "json", "--best")
    rows = json.loads(text)
    assert {row["nn"] for row in rows} == {"Linear"}
    assert rows[0]["prm"]["transform"] == "plain"


def test_plugin_can_register_a_command(lemur, toys, monkeypatch):
    entry = Entry("greet", "lemur_toy.commands:greet", summary="Say hello.")
    extended = toys.with_entries("extra", "command", [entry])
    monkeypatch.setattr("lemur_core.cli.installed", lambda: extended)
    assert lemur("greet", "you")[:2] == (0, "hello you\n")
    assert re.search("^  greet +Say hello.$", lemur("--help")[1], re.MULTILINE)


def with_commands(toys, monkeypatch, **commands):
    for plugin, name in commands.items():
        entry = Entry(name, "lemur_toy.commands:greet", summary=f"Say hello from {plugin}.")
        toys = toys.with_entries(plugin, "command", [entry])
    monkeypatch.setattr("lemur_core.cli.installed", lambda: toys)
    monkeypatch.setattr("lemur_core.cli.doctor.installed", lambda: toys)


def test_plugin_command_with_the_name_of_a_built_in_one_is_reported(lemur, toys, monkeypatch):
    with_commands(toys, monkeypatch, extra="run")
    line = (
        "command 'run' of plugin 'extra' has the name of a built-in command, which 'lemur run' "
        "runs; use 'lemur extra/run', or rename it in the plugin"
    )
    assert lemur("extra/run", "you") == (0, "hello you\n", f"lemur: warning: {line}\n")
    status, out, _ = lemur("run", "--help")
    assert (status, "hello" in out) == (0, False)
    assert re.search("^  extra/run +Say hello from extra.$", lemur("--help")[1], re.MULTILINE)
    status, out, _ = lemur("doctor", "--no-torch")
    assert (status, f"command     {line}\n" in out) == (0, True)


def test_command_registered_by_two_plugins_is_reported(lemur, toys, monkeypatch):
    with_commands(toys, monkeypatch, one="greet", two="greet")
    warning = (
        "lemur: warning: plugins 'one' and 'two' each have a command 'greet'; "
        "use 'lemur one/greet' and 'lemur two/greet'\n"
    )
    assert lemur("two/greet", "you") == (0, "hello you\n", warning)
    assert lemur("greet", "you") == (
        2,
        "",
        "lemur: error: command 'greet' is in several plugins; use one of one/greet, two/greet\n",
    )
    assert "each have a command 'greet'" in lemur("doctor", "--no-torch")[1]


def test_an_error_hint_names_at_most_a_dozen():
    assert hint("q", [str(number) for number in range(20)]).endswith(" and 8 more")


def test_command_of_a_missing_plugin_names_the_distribution_to_install(lemur, monkeypatch):
    monkeypatch.setattr("lemur_core.plugin_names.find_spec", lambda package: None)
    assert lemur("check", "Net.py") == (
        2, "",
        "lemur: error: command 'check' needs the plugin lemur-check: pip install lemur-check\n",
    )  # fmt: skip
