"""Untrusted text never controls the terminal: every command, on results full of it."""

import io
import json
import re
import sqlite3
import sys
import unicodedata
from contextlib import closing
from html.parser import HTMLParser

import pytest

import lemur_core
from lemur_core import registry

SIGNS = (
    "\x1b[35m\x1b[7A\x1b]0;title\a\x1b]8;;http://x\x1b\\\x1b]52;c;aGk=\a\r\b\x7f\x85\x9b2J"
    "\xad\u061c\u200b\u200e\u202e\u2066\u2028\u2029\u3164\ufeff\U000e0041"
)
HTML = "</script><img src=x onerror=alert(1)>"
TEXT = f"{SIGNS}[red][link=http://x]:smile:{HTML}\nFORGED is valid"
# Text that only JSON can contain.
IN_JSON = json.dumps(f"{TEXT}\ud800")
NAME = f"a{TEXT}"
# TOML accepts no escapes of surrogates.
IN_TOML = json.dumps(TEXT.replace("\x7f", "").replace("\U000e0041", ""))
STUDY = """
population = {space = SPACE, count = 1, px = 8, channels = 1, classes = 10}
training = {epochs = 1, lr = 0.1, batch = 8}
dataset = [{name = DATASET, px = 8}]
"""
CODE = f"# {TEXT}\nclass Net:\n    pass\n"
# Control sequences of lemur itself, for styles and replaced lines, and of rich's live display.
OWN = re.compile(r"\x1b\[(?:[12]|3[123]|0)m|\r\x1b\[K")
OF_RICH = re.compile(
    r"\x1b\[(?:\d;)?(?:3[0-46-8]|9\d)(?:;\d+)*m|\r?(?:\x1b\[1A)?\x1b\[2K|\x1b\[\?25[lh]"
)
INVISIBLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}


class Terminal(io.TextIOWrapper):
    def __init__(self, encoding="utf-8"):
        super().__init__(io.BytesIO(), encoding, errors="strict")

    def isatty(self):
        return True

    def shown(self):
        self.flush()
        return self.buffer.getvalue().decode(self.encoding)


def unsafe_signs(text):
    """Return the parts of a text that a terminal would interpret, hide or reorder."""
    left = OF_RICH.sub("", OWN.sub("", text))
    return {
        sign for sign in left
        if (unicodedata.category(sign) in INVISIBLE and sign not in "\n\t") or sign == "\u3164"
    }  # fmt: skip


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A folder with a database of two trials, in which all untrusted text is hostile."""
    folder = tmp_path_factory.mktemp("hostile")
    db = folder / "lemur.db"
    uids = []
    for net in ("One", "Two"):
        pipeline = f"img-classification_mine_acc_{net}"
        with lemur_core.recording(
            pipeline, {"act": net, "lr": 0.1}, code=CODE + net, device="cpu", db=db
        ) as trial:
            for epoch in (1, 2):
                trial.epoch(loss=1.0, validation=0.5, accuracy=0.5 / epoch, scores={"f": (0.1, 1)})
            trial.record({"note": net})
            file = folder / f"{net}.txt"
            file.write_text(net)
            trial.attach(file)
        uids.append(trial.uid)
    lemur_core.collect("zoo", uids, kind="zoo", spec={"a": "b"}, db=db)
    with closing(sqlite3.connect(db)) as connection, connection:
        connection.execute(
            "insert into source (place, form, taken) values (?, ?, ?)", [TEXT, TEXT, TEXT]
        )
        parts = json.dumps({"train": {"count": 3}}), json.dumps([json.loads(IN_JSON)])
        connection.execute(
            "insert into dataset (fingerprint, folder, class_names, parts) values (?, ?, ?, ?)",
            ["0" * 32, TEXT, parts[1], parts[0]],
        )
        for table, columns in {
            "trial": ("task", "dataset", "metric", "device", "reason", "traceback"),
            "collection": ("name", "kind"),
            "artefact": ("name", "kind"),
            "member": ("role",),
            "nn": ("name",),
            "fact": ("name",),
            "prm": ("name",),
        }.items():
            for column in columns:
                connection.execute(f"update {table} set {column} = {column} || ?", [NAME])
        connection.execute("update trial set nn = nn || ?", [NAME])
        connection.execute("update trial set state = 'failed' where id = 2")
        connection.execute("update prm set value = ? where name like 'act%'", [IN_JSON])
        connection.execute("update fact set value = ?", [IN_JSON])
        connection.execute("update collection set spec = ?, provenance = ?", [IN_JSON, IN_JSON])
        connection.execute("update stat set extra = ?, source_id = 1", [f'{{"x": {IN_JSON}}}'])
        connection.execute("update trial set versions = ?", [f"{{{IN_JSON}: {IN_JSON}}}"])
    (folder / "broken.json").write_text(f'{{"{SIGNS}')
    for part, other in (("space", "dataset"), ("dataset", "space")):
        text = STUDY.replace(part.upper(), IN_TOML).replace(other.upper(), '"AnyNetX"')
        (folder / f"{part}.toml").write_text(text)
    for part, text in (("factor", f"{IN_TOML} = 1"), ("value", f"init = {IN_TOML}")):
        (folder / f"{part}.toml").write_text(f'[zoo]\ndataset = "digits"\n[factors]\n{text}\n')
    (folder / "hostile-zoo").mkdir()
    header = f'{{"format": "lemur-zoo", "version": {IN_JSON}}}'
    (folder / "hostile-zoo" / "zoo.json").write_text(header)
    member = folder / "hostile-members" / NAME.replace("/", "")[:100]
    (member / "checkpoint_0").mkdir(parents=True)
    (member / "checkpoint_0" / "checkpoints").write_text(TEXT)
    (member / "params.json").write_text(f'{{"seed": {IN_JSON}}}')
    data = folder / "data"
    data.mkdir()
    (data / NAME.replace("/", "")).touch()
    return folder, uids


@pytest.fixture
def on_terminal(hostile, monkeypatch):
    """Run a command on a terminal; return its status and the text sent to the terminal."""
    monkeypatch.chdir(hostile[0])
    monkeypatch.setenv("COLUMNS", "100")

    def call(*arguments, encoding="utf-8"):
        from lemur_core.cli import main

        out, err = Terminal(encoding), Terminal(encoding)
        monkeypatch.setattr(sys, "argv", ["lemur", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdout", out)
        monkeypatch.setattr(sys, "stderr", err)
        with pytest.raises(SystemExit) as exited:
            main()
        return exited.value.code, out.shown(), err.shown()

    return call


ON_ZOOS = ("sparsify", "dynamics", "connect", "average", "scores", "spectra", "embed", "sample")
# Arguments by command. UID and OTHER are the trials; a status is the expected exit status.
COMMANDS = {
    "run": [
        (2, "run", "--net", NAME), (2, "run", NAME), (2, "run", "--points", NAME),
    ],
    "list": [
        (0, "list"), (0, "list", "collection"), (2, "list", NAME),
        (2, "list", "collection", "--db", NAME),
    ],
    "show": [
        (0, "show", "trial", "UID"), (0, "show", "trial", "OTHER", "--no-source"),
        (0, "show", "collection", "zoo" + NAME), (2, "show", "collection", NAME),
        (2, "show", "net", NAME), (2, "show", NAME, NAME), (2, "show", "pictures", "UID"),
        (0, "show", "curves", "UID"), (2, "show", "curves", NAME),
        (0, "show", "scores", "--x", "nn"), (2, "show", "scores", "--x", NAME),
        (2, "show", "confusion", "UID"), (2, "show", "confusion", NAME),
    ],
    "data": [
        (0, "data"), (0, "data", "--best"), (0, "data", "--format", "csv"),
        (0, "data", "--format", "json"), (0, "data", "--format", "jsonl"),
        (0, "data", "--prm-as-columns", "--stats", "--with-facts", "--curves"),
        (0, "data", "--columns", "nn,nn_code,prm"),
        (0, "data", "--collection", "zoo" + NAME), (0, "data", "--where", "state=failed"),
        (2, "data", "--where", NAME), (2, "data", "--net", NAME), (2, "data", "--format", NAME),
        (2, "data", "--columns", NAME),
    ],
    "reproduce": [(2, "reproduce", "UID"), (2, "reproduce", NAME)],
    "best": [
        (0, "best"), (0, "best", "--format", "markdown"), (0, "best", "--format", "latex"),
    ],
    "trials": [
        (0, "trials"), (0, "trials", "--failed", "--all"), (0, "trials", "--json"),
        (0, "trials", "--columns", "id,dataset,metric,user,state"), (2, "trials", "--net", NAME),
        (2, "trials", "--columns", NAME), (2, "trials", "tag", NAME, "UID"),
        (2, "trials", "note", NAME, "UID"), (2, "trials", "delete", NAME),
        (0, "trials", "tag", "good", "UID"), (0, "trials", "note", "good", "UID"),
    ],
    "predict": [
        (2, "predict", NAME, "broken.py"), (2, "predict", "UID", NAME),
        (2, "predict", f"net{SIGNS}.safetensors".replace("/", ""), "broken.py"),
    ],
    "compare": [(0, "compare", "UID", "OTHER"), (2, "compare", NAME, NAME)],
    "export": [(0, "export", "-o", f"out{SIGNS}.jsonl".replace("/", ""))],
    "check": [(2, "check", NAME), (1, "check", "broken.py")],
    "db": [
        (0, "db", "info"), (1, "db", "check"), (0, "db", "vacuum"), (0, "db", "upgrade"),
        (2, "db", "import", NAME, "--db", "new.db"),
        (2, "db", "import", "broken.json", "--format", "lemur-files", "--db", "new.db"),
        (2, "db", "merge", NAME, "--db", "new.db"), (0, "db", "export", "exported"),
        (2, "db", "backup", "lemur.db"),
    ],
    "doctor": [(1, "doctor", "--no-torch")],
    "new": [(2, "new", "plugin", NAME), (2, "new", NAME)],
    "estimate": [(2, "estimate", "replay", "--least", "3")],
    "plot": [(0, "plot", "score-epoch", "--out", "figures")],
    "report": [(0, "report", "--figures", "none")],
    "reproduce-paper": [(2, "reproduce-paper", NAME)],
    "spaces": [
        (2, "spaces", "sample", NAME), (2, "spaces", "sample", "AnyNetX", "--band", NAME),
        (2, "spaces", "sample", "AnyNetX", "--set", NAME), (2, "spaces", "report", NAME),
        (2, "spaces", "study", "space.toml"), (2, "spaces", "study", "dataset.toml"),
    ],
    "twins": [
        (2, "twins", "compare", NAME), (2, "twins", "compare", "CNN-S", "--framework", NAME),
        (2, "twins", "compare", "CNN-S", "--match", NAME), (2, "twins", "conventions", NAME),
        (2, "twins", "explain", NAME, "--dataset", "digits"),
        (2, "twins", "explain", "CNN-S", "--framework", "jax", "--dataset", NAME),
        (2, "twins", "search", "CNN-S", "--framework", "jax", "--dataset", NAME),
        (2, "twins", "search", "CNN-S", "--dataset", "digits", "--range", f"lr={NAME}"),
        (2, "twins", "search", "CNN-S", "--dataset", "digits", "--set", NAME),
        (2, "twins", "search", "CNN-S", "--dataset", "digits", "--spaces", NAME),
        (2, "twins", "search", "CNN-S", "--dataset", "digits", "--sampler", NAME),
    ],
    "zoo": [
        (0, "zoo", "list"), (2, "zoo", "make", NAME, "--out", "zoo"),
        (2, "zoo", "make", "mnist-seed", "--out", "zoo", "--data", NAME),
        (2, "zoo", "make", f"mnist-seed@{NAME}", "--out", "zoo"),
        (2, "zoo", "make", "mnist-seed", "--out", "zoo", "--time", NAME),
        (2, "zoo", "make", "factor.toml", "--out", "zoo"),
        (2, "zoo", "make", "value.toml", "--out", "zoo"),
        (2, "zoo", "extend", NAME), (2, "zoo", "show", NAME), (2, "zoo", "report", NAME),
        (2, "zoo", "show", "hostile-zoo"), (2, "zoo", "export", NAME, NAME),
        (2, "zoo", "import", NAME, "--out", "zoo", "--dataset", NAME),
        (2, "zoo", "import", "hostile-members", "--out", "zoo", "--dataset", NAME),
        *((2, "zoo", name, NAME) for name in ON_ZOOS),
        *((2, "zoo", name, "hostile-zoo") for name in ON_ZOOS),
        (2, "zoo", "sparsify", "hostile-zoo", "--time", NAME),
    ],
    "stats": [
        (0, "stats"), *((0, "stats", "--table", name) for name in ("summary", "anomalies")),
        (0, "stats", "--table", "nets", "--format", "csv"),
        (0, "stats", "--table", "nets", "--format", "json"),
    ],
}  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_untrusted_text_does_not_control_the_terminal(on_terminal, hostile, command, monkeypatch):
    class Broken:
        name = NAME

        def load(self):
            raise RuntimeError(TEXT)

    if command == "doctor":
        registry.installed().add(Broken())
    (hostile[0] / "broken.py").write_text(f"class Net: '''{SIGNS.replace(chr(13), '')}\n(")
    uids = dict(zip(("UID", "OTHER"), hostile[1], strict=True))
    try:
        for status, *arguments in COMMANDS[command]:
            ended, out, err = on_terminal(*(uids.get(argument, argument) for argument in arguments))
            assert ended == status, (arguments, out, err)
            assert unsafe_signs(out + err) == set(), arguments
            # Sources, tracebacks and data span several lines.
            if arguments[:2] != ["show", "trial"] and arguments[-1] != "csv":
                assert not re.search("^FORGED", out + err, re.MULTILINE), arguments
    finally:
        registry.installed.cache_clear()


def test_names_in_a_report_page_are_text(on_terminal, hostile):
    assert on_terminal("report", "--figures", "none", "--out", "page.html")[0] == 0
    page = (hostile[0] / "page.html").read_text(encoding="utf-8")
    assert "FORGED" in page
    assert HTML not in page
    tags = []

    class Tags(HTMLParser):
        def handle_starttag(self, tag, attributes):
            tags.append((tag, *(name for name, _ in attributes if name.startswith("on"))))

    Tags().feed(page)
    assert [tag for tag in tags if tag[0] == "img" or len(tag) > 1] == []


def test_every_command_is_tested():
    from lemur_core.cli import cli

    assert set(COMMANDS) == {*cli.list_commands(None)}


EVIL = f"""
import warnings

import torch

TEXT = {TEXT!r}
FLAT = TEXT.replace(chr(10), " ")


def supported_hyperparameters():
    return {{"lr"}}


class Net(torch.nn.Module):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__()
        print(FLAT)
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn(TEXT)
        raise RuntimeError(TEXT + chr(0xD800))

    def train_setup(self, prm):
        pass

    def learn(self, train_data):
        pass
"""
EVIL_RUN = (
    "run",
    "--net",
    "Evil.py",
    "--dataset",
    "digits",
    "--metric",
    "acc",
    "-t",
    1,
    "-e",
    1,
    "-a",
    1,
)


@pytest.mark.parametrize("form", [[], ["--json"]], ids=["live", "json"])
def test_campaign_shows_output_of_nets_as_text(on_terminal, hostile, form):
    (hostile[0] / "Evil.py").write_text(EVIL)
    status, out, err = on_terminal(*EVIL_RUN, "--in-process", "--db", "run.db", *form)
    assert status == 1, (out, err)
    assert unsafe_signs(out + err) == set()
    assert "[red][link=http://x]:smile:" in out
    assert not re.search("^FORGED", out + err, re.MULTILINE)
    if not form:
        # The last control sequence of the display about the cursor shows it.
        assert re.findall(r"\x1b\[\?25[lh]", out)[-1] == "\x1b[?25h"


def test_terminal_without_unicode_can_show_any_text(on_terminal, hostile):
    encoding = "ascii"
    for arguments in (["show", "trial", hostile[1][1]], ["data"], ["list"], ["best"]):
        status, out, err = on_terminal(*arguments, encoding=encoding)
        assert (status, err) == (0, "")
        assert unsafe_signs(out) == set()
    status, out, err = on_terminal(*EVIL_RUN, "--in-process", "--db", "run.db", encoding=encoding)
    assert status == 1, (out, err)
    assert "\x1b[?25" not in out
