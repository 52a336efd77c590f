"""Files of Keras without Keras: those that it saved itself, and old forms of them written here."""

import io
import json
import zipfile
from pathlib import Path

import cdjax
import numpy as np
import pytest

from tests.conftest import read_npz
from tests.importers.contract import check_case

h5py = pytest.importorskip("h5py", reason="h5py is not installed")

FILES = Path(__file__).parent / "files" / "keras"
GOLDEN = Path(__file__).parent.parent / "golden" / "architectures"
OUTPUTS = read_npz(FILES / "outputs.npz")
NAMES = sorted({key.rpartition("/")[0] for key in OUTPUTS})
pytestmark = pytest.mark.usefixtures("as_users")


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=pytest.mark.thorough if n % 2 else ())
        for n, name in enumerate(NAMES)
    ],
)
def test_what_keras_saved_gives_what_keras_computed(name):
    imported = cdjax.from_keras(FILES / name)
    check_case(imported, list(OUTPUTS[f"{name}/x"]), list(OUTPUTS[f"{name}/y"]), 1e-5)


def test_weights_with_the_model_s_json_are_the_whole_file():
    whole = cdjax.from_keras(FILES / "keras3_prices.h5").classifier
    weights = FILES / "keras3_prices.weights.h5"
    path = FILES / "keras3_prices.json"
    text = path.read_text(encoding="utf-8")
    for config in (path, str(path), text, json.dumps(text), json.loads(text)):
        other = cdjax.from_keras(weights, config=config, output="value").classifier
        np.testing.assert_array_equal(other.layers[0].W, whole.layers[0].W)
    inner = json.loads(text)["config"]
    assert cdjax.from_keras(weights, config=inner, output="value").classifier.head[0].b.shape == (
        7,
    )


def test_weights_alone_tell_their_layers_and_the_rest_is_asked_for():
    weights = FILES / "keras3_prices.weights.h5"
    with pytest.raises(ValueError, match=r"weights alone.*cell_activations=NAMES.*sigmoid,tanh"):
        cdjax.from_keras(weights)
    said = {"cell_activations": ("sigmoid", "tanh")}
    with pytest.raises(ValueError, match="give pool="):
        cdjax.from_keras(weights, **said)
    with pytest.raises(ValueError, match=r"does not say the activations.*7 outputs"):
        cdjax.from_keras(weights, pool="last", **said)
    said |= {"pool": "last", "activations": ("linear", "linear")}
    with pytest.raises(ValueError, match="give output="):
        cdjax.from_keras(weights, **said)
    model = cdjax.from_keras(weights, output="value", **said)
    assert [layer.W.shape for layer in model.classifier.layers] == [(4, 5, 3), (4, 4, 5)]


def test_what_is_known_of_the_input():
    assert cdjax.from_keras(FILES / "keras2_words.h5").provenance["imported"] == {
        "from": str(FILES / "keras2_words.h5"),
        "framework": "Keras 2.21.0",
        "input_length": 6,
        "masked": True,
    }


def layer(kind, name, **settings):
    return {"class_name": kind, "config": {"name": name, "trainable": True, **settings}}


def write(
    path, layers, weights, *, version="2.2.4", text=bytes, chunks=False, root="model_weights"
):
    """A file as Keras 2.2 wrote it: a list of layers, texts as bytes, `lstm_1/kernel:0`."""
    encode = (lambda s: s.encode()) if text is bytes else str
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = encode(version)
        if layers is not None:
            config = {"class_name": "Sequential", "config": layers}
            file.attrs["model_config"] = encode(json.dumps(config))
        group = file.create_group(root) if root else file
        group.attrs["keras_version"] = encode(version)
        group.attrs["layer_names"] = [name.encode() for name in weights]
        for name, arrays in weights.items():
            inner = group.create_group(name)
            names = [key.encode() for key in arrays]
            if chunks:
                for n, key in enumerate(names):
                    inner.attrs[f"weight_names{n}"] = [key]
            else:
                inner.attrs["weight_names"] = names
            for key, value in arrays.items():
                inner[key] = value
    return path


NORM_NAMES = ("gamma", "beta", "moving_mean", "moving_variance")
LSTM_NAMES = ("kernel", "recurrent_kernel", "bias")


def draw(*shapes, seed=0, dtype=np.float32):
    rng = np.random.default_rng(seed)
    return [rng.normal(0, 0.6, shape).astype(dtype) for shape in shapes]


def lstm_weights(form, seed=0, inputs=3, hidden=5):
    arrays = draw((inputs, 4 * hidden), (hidden, 4 * hidden), (4 * hidden,), seed=seed)
    return dict(zip([form.format(name) for name in LSTM_NAMES], arrays, strict=True))


FORMS = [
    "lstm_1/{}:0",
    "lstm_1/{}_1:0",
    "lstm_1/lstm_cell/{}:0",
    "lstm_1/lstm_cell_3/{}:0",
    "sequential/lstm_1/lstm_cell/{}",
    "while/lstm_1/{}:0",
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("chunks", [False, True])
@pytest.mark.parametrize("text", [bytes, str])
def test_names_of_weights_in_all_versions(form, chunks, text, tmp_path):
    weights = lstm_weights(form)
    layers = [layer("LSTM", "lstm_1", units=5, batch_input_shape=[None, 6, 3])]
    path = write(tmp_path / "a.h5", layers, {"lstm_1": weights}, chunks=chunks, text=text)
    (cell,) = cdjax.from_keras(path)
    kernel, recurrent, bias = weights.values()
    for gate, k in zip("ifgo", range(4), strict=True):  # Keras: i f c o
        columns = slice(5 * k, 5 * k + 5)
        np.testing.assert_array_equal(cell.W["ifgo".index(gate)], kernel[:, columns].T)
        np.testing.assert_array_equal(cell.V[k], recurrent[:, columns].T)
        np.testing.assert_array_equal(cell.b[k], bias[columns])


def test_hard_sigmoid_is_that_of_the_version(tmp_path):
    weights = {"lstm_1": lstm_weights("lstm_1/{}:0")}
    layers = [layer("LSTM", "lstm_1", units=5, recurrent_activation="hard_sigmoid")]
    for version, name in (("2.2.4", "hard_sigmoid_keras2"), ("3.4.1", "hard_sigmoid")):
        path = write(tmp_path / "a.h5", layers, weights, version=version)
        assert cdjax.from_keras(path)[0].activation == name
    path = write(tmp_path / "a.h5", layers, weights, version="")
    with pytest.raises(ValueError, match=r"0.2 x \+ 0.5 in Keras 2.*hard_sigmoid=NAME"):
        cdjax.from_keras(path)
    assert cdjax.from_keras(path, hard_sigmoid="keras3")[0].activation == "hard_sigmoid"
    with pytest.raises(ValueError, match="hard_sigmoid is 'keras4'"):
        cdjax.from_keras(path, hard_sigmoid="keras4")


def gru_file(path, bias, arrays, **settings):
    kernel, recurrent = arrays
    names = ("gru_1/kernel:0", "gru_1/recurrent_kernel:0", "gru_1/bias:0")
    weights = dict(zip(names, (kernel, recurrent, bias), strict=True))
    layers = [layer("GRU", "gru_1", units=recurrent.shape[0], return_sequences=True, **settings)]
    return write(path, layers, {"gru_1": weights})


@pytest.mark.parametrize(
    ("name", "settings"),
    [("gru_keras_reset_after", {"reset_after": True}), ("gru_keras_reset_before", {})],
)
def test_a_gru_resets_where_keras_does(name, settings, tmp_path, x64):
    data = read_npz(GOLDEN / f"{name}.npz")
    arrays = data["kernel"], data["recurrent_kernel"]
    path = gru_file(tmp_path / "a.h5", data["bias"], arrays, **settings)
    check_case(cdjax.from_keras(path), [data["x"]], [data["h"]], 1e-10)
    swapped = data["bias"][::-1] if settings else data["bias"]
    orders = {"order": (1, 0, 2), "rzn as it is": (0, 1, 2)}["order"]
    gates = [np.hsplit(a, 3) for a in arrays]
    permuted = [np.hstack([each[k] for k in orders]) for each in gates]
    wrong = [gru_file(tmp_path / "b.h5", data["bias"], permuted, **settings)]
    if settings:
        wrong.append(gru_file(tmp_path / "c.h5", swapped, arrays, **settings))
    for each in wrong:
        with pytest.raises(AssertionError):
            check_case(cdjax.from_keras(each), [data["x"]], [data["h"]], 1e-10)


def test_a_bias_that_does_not_fit_where_a_gru_resets(tmp_path):
    data = read_npz(GOLDEN / "gru_keras_reset_after.npz")
    arrays = data["kernel"], data["recurrent_kernel"]
    with pytest.raises(ValueError, match=r"gru_1 \(GRU\): bias has shape \[2, 12\]; expected \[12"):
        cdjax.from_keras(gru_file(tmp_path / "a.h5", data["bias"], arrays))
    with pytest.raises(ValueError, match=r"bias has shape \[12\]; expected \[2, 12\]"):
        cdjax.from_keras(gru_file(tmp_path / "b.h5", data["bias"][0], arrays, reset_after=True))


def to_cudnn(kernels, gates):
    """Each gate's matrix [H, D] as it lies in memory, in the shape [D, H]."""
    return np.hstack(
        [np.ascontiguousarray(k.T).reshape(k.shape) for k in np.hsplit(kernels, gates)]
    )


def test_cudnn_layers_are_the_plain_ones(tmp_path):
    names = ("kernel:0", "recurrent_kernel:0", "bias:0")
    kernel, recurrent, first, second = draw((3, 20), (5, 20), (20,), (20,))
    plain = dict(zip(names, (kernel, recurrent, first + second), strict=True))
    both = np.concatenate([first, second])
    fast = dict(zip(names, (to_cudnn(kernel, 4), to_cudnn(recurrent, 4), both), strict=True))
    a = cdjax.from_keras(write(tmp_path / "a.h5", [layer("LSTM", "l", units=5)], {"l": plain}))
    b = cdjax.from_keras(write(tmp_path / "b.h5", [layer("CuDNNLSTM", "l", units=5)], {"l": fast}))
    for name in ("W", "V", "b"):
        np.testing.assert_array_equal(getattr(a[0], name), getattr(b[0], name))

    kernel, recurrent, bias = draw((3, 15), (5, 15), (2, 15))
    plain = dict(zip(names, (kernel, recurrent, bias), strict=True))
    fast = (to_cudnn(kernel, 3), to_cudnn(recurrent, 3), bias.reshape(-1))
    fast = dict(zip(names, fast, strict=True))
    config = [layer("GRU", "g", units=5, reset_after=True)]
    a = cdjax.from_keras(write(tmp_path / "a.h5", config, {"g": plain}))
    b = cdjax.from_keras(write(tmp_path / "b.h5", [layer("CuDNNGRU", "g", units=5)], {"g": fast}))
    for name in ("W", "V", "b", "c"):
        np.testing.assert_array_equal(getattr(a[0], name), getattr(b[0], name))


def both_weights(seeds=(0, 1)):
    forms = ("both/forward_lstm/{}:0", "both/backward_lstm/{}:0")
    parts = [lstm_weights(form, seed) for form, seed in zip(forms, seeds, strict=True)]
    return parts[0] | parts[1]


def test_the_two_directions_are_not_mixed_up(tmp_path):
    inner = {"class_name": "LSTM", "config": {"name": "lstm", "units": 5}}
    layers = [layer("Bidirectional", "both", merge_mode="concat", layer=inner)]
    weights = both_weights()
    ((forward, backward),) = cdjax.from_keras(write(tmp_path / "a.h5", layers, {"both": weights}))
    np.testing.assert_array_equal(
        forward.V[0], weights["both/forward_lstm/recurrent_kernel:0"][:, :5].T
    )
    np.testing.assert_array_equal(
        backward.V[0], weights["both/backward_lstm/recurrent_kernel:0"][:, :5].T
    )
    names = list(weights)
    turned = {name: weights[name] for name in names[3:] + names[:3]}
    with pytest.raises(ValueError, match=r"both \(Bidirectional\).*holds the weights"):
        cdjax.from_keras(write(tmp_path / "b.h5", layers, {"both": turned}))


def test_a_permuted_gate_is_not_the_network(tmp_path):
    name = "keras3_prices.h5"
    content = (FILES / name).read_bytes()
    path = tmp_path / name
    path.write_bytes(content)
    with h5py.File(path, "r+") as file:
        (name_of_first, *_) = [key for key in file["model_weights"] if key.startswith("lstm")]
        data = file["model_weights"][name_of_first]
        data.visititems(
            lambda _, entry: (
                entry.write_direct(np.roll(entry[()], 5, -1))
                if isinstance(entry, h5py.Dataset)
                else None
            )
        )
    with pytest.raises(AssertionError):
        check_case(
            cdjax.from_keras(path), list(OUTPUTS[f"{name}/x"]), list(OUTPUTS[f"{name}/y"]), 1e-5
        )


def test_the_part_of_a_network_after_a_layer(tmp_path):
    x = {f"lstm_1/{name}:0": value for name, value in lstm_weights("{}").items()}
    layers = [
        layer("Lambda", "front", function="anything"),
        layer("Masking", "mask", mask_value=-1.0),
        layer("LSTM", "lstm_1", units=5),
    ]
    path = write(tmp_path / "a.h5", layers, {"lstm_1": x})
    with pytest.raises(ValueError, match=r"front \(Lambda\) has no counterpart"):
        cdjax.from_keras(path)
    assert cdjax.from_keras(path, inputs="mask")[0].W.shape == (4, 5, 3)
    with pytest.warns(UserWarning, match=r"mask \(Masking\) leaves out steps whose .* all -1;"):
        cdjax.from_keras(path, inputs="front")
    with pytest.raises(
        ValueError, match="inputs is 'no'; expected the name of a layer: front, mas"
    ):
        cdjax.from_keras(path, inputs="no")


ONE = [layer("LSTM", "lstm_1", units=5)]
WEIGHTS = {"lstm_1": lstm_weights("lstm_1/{}:0")}


def changed(**settings):
    return [layer("LSTM", "lstm_1", **{"units": 5, **settings})]


@pytest.mark.parametrize(
    ("layers", "weights", "message"),
    [
        (changed(units=4), WEIGHTS, r"kernel has shape \[3, 20\]; expected \[D, 4 H\], H = 4"),
        (changed(units="5"), WEIGHTS, "units is '5'; expected int"),
        (
            changed(use_bias=False),
            WEIGHTS,
            r"holds the weights .*bias.*; expected \['kernel', 'rec",
        ),
        (changed(activation="mine"), WEIGHTS, "the activation 'mine' is not supported"),
        (changed(peepholes=True), WEIGHTS, "the setting peepholes=True is not known"),
        (changed(time_major=True), WEIGHTS, "time_major=True is not supported"),
        (changed(dtype="int8"), WEIGHTS, "its numbers are 'int8', quantized"),
        (ONE, {"lstm_1": {}}, r"holds the weights \[\]; expected"),
        (ONE, {"lstm_1": {"lstm_1_W_i": np.ones((3, 5))}}, r"holds the weights \['lstm_1_W_i'\]"),
        (ONE, {"lstm_1": lstm_weights("lstm_1/{}:0", hidden=4)}, "expected .*H = 5"),
        ([layer("Thing", "thing")], {}, r"thing \(Thing\) has no counterpart"),
        ([{"class_name": "My>LSTM", "config": {"name": "x"}}], {}, r"class of its own \(My>LSTM\)"),
        ([*ONE, layer("Masking", "m")], WEIGHTS, "not the first layer"),
        ([*ONE, *ONE], WEIGHTS, "reads a single vector, not the steps"),
        ([1], {}, "a layer is 1; the configuration is damaged"),
        ([], {}, "the layers of the model are"),
        ("text", {}, "the layers of the model are 'text'"),
    ],
)
def test_refusals(layers, weights, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        cdjax.from_keras(write(tmp_path / "a.h5", layers, weights))


def test_half_precision_is_told(tmp_path):
    policy = {"class_name": "Policy", "config": {"name": "mixed_float16"}}
    path = write(tmp_path / "a.h5", changed(dtype=policy), WEIGHTS)
    with pytest.warns(UserWarning, match="computes in half precision"):
        assert cdjax.from_keras(path)[0].W.dtype == np.float32


def test_damaged_and_hostile_files(tmp_path):
    path = tmp_path / "a.h5"
    with pytest.raises(FileNotFoundError, match=r"there is no file .*a\.h5"):
        cdjax.from_keras(path)
    with pytest.raises(TypeError, match="found a int; expected the path"):
        cdjax.from_keras(1)
    with pytest.raises(ValueError, match="is a folder"):
        cdjax.from_keras(tmp_path)
    whole = (FILES / "keras3_prices.h5").read_bytes()
    for content in (b"", b"\x80\x04pickle", whole[:100], whole[: len(whole) // 2]):
        path.write_bytes(content)
        with pytest.raises(ValueError, match="damaged, or no HDF5 file"):
            cdjax.from_keras(path)
    zipped = (FILES / "keras3_tagger.keras").read_bytes()
    path.write_bytes(zipped[: len(zipped) // 2])
    with pytest.raises(ValueError, match="damaged"):
        cdjax.from_keras(path)

    def write_zip(**members):
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in members.items():
                archive.writestr(name.replace("_", "."), content)
        return path

    with pytest.raises(ValueError, match=r"holds no config.json; found \['other'\]"):
        cdjax.from_keras(write_zip(other="x"))
    weights = {"model_weights_h5": whole}
    with pytest.raises(ValueError, match=r"config\.json of .* is no JSON"):
        cdjax.from_keras(write_zip(config_json="{", **weights))
    with pytest.raises(ValueError, match=r"is no JSON"):
        cdjax.from_keras(write_zip(config_json="[" * 100_000, **weights))
    with pytest.raises(ValueError, match=r"is \[\]; expected an object"):
        cdjax.from_keras(write_zip(config_json="[]", **weights))
    with pytest.raises(ValueError, match=r"takes 209,715,200 bytes"):
        cdjax.from_keras(write_zip(config_json=" " * (200 << 20), **weights))


def test_hostile_entries(tmp_path):
    def file_with(change):
        path = write(tmp_path / "a.h5", ONE, WEIGHTS)
        with h5py.File(path, "r+") as file:
            change(file["model_weights/lstm_1/lstm_1"])
        return path

    def replace(make):
        def change(group):
            del group["kernel:0"]
            make(group)

        return file_with(change)

    def link_out(group):
        group["kernel:0"] = h5py.ExternalLink("/etc/passwd", "/x")

    def large(group):
        group.create_dataset("kernel:0", (1 << 20, 1 << 20), "f4", chunks=(1024, 1024))

    def circle(group):
        group["again"] = group

    def outside(group):
        where = [(str(tmp_path / "x.bin"), 0, 240)]
        group.create_dataset("kernel:0", (3, 20), "f4", external=where)

    def texts(group):
        group["kernel:0"] = np.array([b"text"])

    def nothing(group):
        pass

    def infinite(group):
        group["kernel:0"] = np.full((3, 20), np.inf, np.float32)

    for make, message in [
        (link_out, "is a link to elsewhere"),
        (large, "the file is damaged, or hostile"),
        (outside, "is kept in another file"),
        (texts, "expected floats"),
        (nothing, "lacks the weight lstm_1/kernel:0 of lstm_1"),
        (infinite, "not finite"),
    ]:
        with pytest.raises(ValueError, match=message):
            cdjax.from_keras(replace(make))
    with pytest.raises(ValueError, match="groups inside each other"):
        cdjax.from_keras(file_with(circle))


def test_what_a_small_file_may_take_of_memory(tmp_path):
    def lstm(inputs):
        return {"lstm_1": lstm_weights("lstm_1/{}:0", inputs=inputs)}

    def dense(name, *shape):
        return {name: {f"{name}/kernel:0": np.ones(shape, np.float32)}}

    def raises(message, layers, weights, change=lambda file: None):
        path = write(tmp_path / "a.h5", layers, weights)
        with h5py.File(path, "r+") as file:
            change(file)
        with pytest.raises(ValueError, match=message):
            cdjax.from_keras(path)

    many = 60_000
    linear = {"use_bias": False, "activation": "linear"}
    one, wide = (layer("Dense", f"d{n}", units=n, **linear) for n in (1, many))
    recurrent = layer("LSTM", "lstm_1", units=5)
    raises(
        rf"d{many} \(Dense\) makes an array of 3,600,000,000 numbers",
        [one, wide, recurrent],
        {**dense("d1", many, 1), **dense(f"d{many}", 1, many), **lstm(many)},
    )
    norm = {f"n/{name}:0": np.ones(many) for name in NORM_NAMES}
    raises(
        r"n \(BatchNormalization\) makes an array of 3,600,000,000 numbers",
        [layer("BatchNormalization", "n", axis=-1), recurrent],
        {"n": norm, **lstm(3)},
    )
    relu = layer("Dense", "d1", units=many, activation="relu", use_bias=False)
    raises(
        r"the activation relu of the last layer of .* makes an array of 3,600,000,000 numbers",
        [recurrent, relu],
        {**lstm(3), **dense("d1", 5, many)},
    )

    def link(file):
        group = file["model_weights/lstm_1/lstm_1"]
        for n in range(100):
            group[f"kernel_{n}"] = group["kernel:0"]

    raises("its entries say that they hold more", [recurrent], lstm(3), link)
    text = '{"class_name": "Sequential", "config": [' + "[]," * (12 << 20) + "[]]}"
    with pytest.raises(ValueError, match=r"config has 37,748,7\d\d bytes; expected at most 33,554"):
        cdjax.from_keras(write(tmp_path / "a.h5", ONE, WEIGHTS), config=text)


def test_a_file_without_weights_of_a_model(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["data"] = np.ones(3)
    with pytest.raises(ValueError, match=r"holds no weights of a Keras model; found \['data'\]"):
        cdjax.from_keras(tmp_path / "a.h5")


def test_names_of_keras_2_on_windows(tmp_path):
    """Keras 2.12 joined the parts of a path with the system's separator."""
    with zipfile.ZipFile(FILES / "keras2_hard.keras") as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    content = io.BytesIO()
    with h5py.File(io.BytesIO(members["model.weights.h5"])) as old, h5py.File(content, "w") as new:

        def copy(path, entry):
            if isinstance(entry, h5py.Dataset) and path.startswith("layers"):
                group, name = path.split("/vars/")
                group = group.replace("layers", "_layer_checkpoint_dependencies")
                new.require_group(group.replace("/", "\\"))[f"vars/{name}"] = entry[()]

        old.visititems(copy)
    members["model.weights.h5"] = content.getvalue()
    with zipfile.ZipFile(tmp_path / "a.keras", "w") as archive:
        for name, value in members.items():
            archive.writestr(name, value)
    a, b = (cdjax.from_keras(path) for path in (FILES / "keras2_hard.keras", tmp_path / "a.keras"))
    np.testing.assert_array_equal(a.classifier.layers[1].V, b.classifier.layers[1].V)
