"""Networks that either Keras can build: what is read, and what is refused.

Every function takes the module, Keras 3 or Keras 2 (tf_keras), and returns a model with random
weights. All widths differ: T = 6, D = 3, H = 5, a second layer of 4, K = 2.
"""

import numpy as np

from tests.importers.contract import Refused, Supported

T, D, V = 6, 3, 11
SOURCES = ".h5, .keras, .weights.h5 with the model's JSON, a model in memory"


def randomize(model, seed=0):
    rng = np.random.default_rng(seed)
    for weight in model.weights:
        values = rng.normal(0, 0.6, tuple(weight.shape))
        name = getattr(weight, "path", weight.name)
        weight.assign(np.abs(values) + 0.2 if "variance" in name else values)
    return model


def series(K, *layers, loss=None, dtype="float32"):
    return build(K, K.layers.Input((T, D), dtype=dtype), *layers, loss=loss)


def words(K, *layers, loss=None):
    return build(K, K.layers.Input((T,)), *layers, loss=loss)


def build(K, *layers, loss=None):
    model = randomize(K.Sequential(list(layers)))
    if loss is not None:
        model.compile("sgd", loss)
    return model


def functional(K, apply, shape=(T, D)):
    x = K.layers.Input(shape)
    return randomize(K.Model(x, apply(x)))


def sentiment(K):
    L = K.layers
    return words(
        K,
        L.Embedding(V, D),
        L.SpatialDropout1D(0.4),
        L.LSTM(5, dropout=0.2, recurrent_dropout=0.2),
        L.Dense(2, activation="softmax"),
        loss="categorical_crossentropy",
    )


def prices(K):
    L = K.layers
    return series(
        K,
        L.LSTM(5, return_sequences=True),
        L.Dropout(0.2),
        L.LSTM(4, activation="relu"),
        L.Dense(7),
        L.Dense(1),
        loss="mean_squared_error",
    )


def both_directions(K):
    L = K.layers
    return words(
        K,
        L.Embedding(V, D, mask_zero=True),
        L.Bidirectional(L.LSTM(5, return_sequences=True)),
        L.Bidirectional(L.GRU(4)),
        L.Dense(7, activation="relu"),
        L.Dropout(0.5),
        L.Dense(1, activation="sigmoid"),
        loss="binary_crossentropy",
    )


def merged(K, mode):
    L = K.layers
    return series(
        K,
        L.Bidirectional(L.LSTM(5, return_sequences=True), merge_mode=mode),
        L.Bidirectional(L.GRU(4), merge_mode=mode),
        L.Dense(2, activation="sigmoid"),
    )


def other_backward(K):
    L = K.layers
    forward, backward = L.LSTM(5), L.GRU(5, go_backwards=True)
    return series(
        K, L.Bidirectional(forward, backward_layer=backward), L.Dense(2, activation="softmax")
    )


def normalized(K):
    L = K.layers
    return series(
        K,
        L.BatchNormalization(),
        L.LSTM(5, return_sequences=True),
        L.BatchNormalization(scale=False),
        L.GRU(4),
        L.BatchNormalization(center=False, epsilon=0.01),
        L.Dense(7, use_bias=False),
        L.BatchNormalization(),
        L.ReLU(),
        L.Dense(2),
        L.Activation("softmax"),
    )


def cells(K):
    L = K.layers
    return series(
        K,
        L.RNN([L.GRUCell(4), L.LSTMCell(5), L.GRUCell(7, reset_after=False)]),
        L.Dense(2, activation="softmax"),
    )


def one_cell(K):
    L = K.layers
    return series(
        K,
        L.Bidirectional(L.RNN(L.LSTMCell(5), return_sequences=True)),
        L.RNN(L.GRUCell(4, use_bias=False)),
        L.Dense(2, activation="softmax"),
    )


def tagger(K):
    L = K.layers
    return words(
        K,
        L.Embedding(V, D),
        L.Bidirectional(L.LSTM(5, return_sequences=True)),
        L.TimeDistributed(L.Dense(7, activation="tanh")),
        L.TimeDistributed(L.Dropout(0.1)),
        L.Dense(2, activation="softmax"),
    )


def pooled(K, pool):
    L = K.layers
    return series(
        K, L.LSTM(5, return_sequences=True), getattr(L, pool)(), L.Dense(2, activation="softmax")
    )


def masked_mean(K):
    L = K.layers
    return words(
        K,
        L.Embedding(V, D, mask_zero=True),
        L.Bidirectional(L.LSTM(5, return_sequences=True)),
        L.GlobalAveragePooling1D(),
        L.Dense(2, activation="softmax"),
    )


def nested(K):
    L = K.layers
    encoder = K.Sequential(
        [L.Input((T, D)), L.LSTM(5, return_sequences=True), L.BatchNormalization()], name="encoder"
    )
    x = L.Input((5,))
    head = K.Model(x, L.Dense(2)(L.Dense(7, activation="elu")(x)), name="head")
    return series(
        K, encoder, L.LSTM(5), head, loss=K.losses.CategoricalCrossentropy(from_logits=True)
    )


def projected_words(K):
    L = K.layers
    return words(
        K,
        L.Embedding(V, D),
        L.Dense(4, activation="relu"),
        L.GRU(5, use_bias=False),
        L.Dense(1, activation="tanh"),
    )


def projected_series(K):
    L = K.layers
    return series(
        K,
        L.TimeDistributed(L.Dense(4)),
        L.LSTM(5, use_bias=False),
        L.Dense(7),
        L.LeakyReLU(),
        L.Dense(1),
        loss="mae",
    )


def hard(K):
    L = K.layers
    return series(
        K,
        L.LSTM(5, recurrent_activation="hard_sigmoid", return_sequences=True),
        L.GRU(4, recurrent_activation="hard_sigmoid", activation="softsign", unroll=True),
        L.Dense(2, activation="softmax"),
    )


def last_of_all(K):
    L = K.layers

    def apply(x):
        x = L.Bidirectional(L.LSTM(5, return_sequences=True))(x)
        return L.Dense(2, activation="softmax")(x[:, -1, :])

    return functional(K, apply)


def state_of(K):
    L = K.layers

    def apply(x):
        _, h, _ = L.LSTM(5, return_state=True)(x)
        return L.Dense(2, activation="softmax")(h)

    return functional(K, apply)


def flat(K):
    L = K.layers
    return functional(K, lambda x: L.Dense(2, activation="softmax")(L.Flatten()(L.GRU(5)(x))))


def encoder(K):
    L = K.layers
    return words(K, L.Embedding(V, D), L.GRU(5))


def scaled(K):
    L, seen = K.layers, np.random.default_rng(2).normal(3, 2, (20, T, D)).astype(np.float32)
    given = L.Normalization(mean=[1.0, 2.0, 3.0], variance=[2.0, 0.0, 0.5])
    adapted, inverse = L.Normalization(), L.Normalization(axis=None, invert=True)
    scale = L.Rescaling([0.5, 2.0, -1.0], offset=0.25)
    model = series(
        K, scale, given, adapted, inverse, L.LSTM(5), L.Rescaling(0.1), L.Dense(2, "sigmoid")
    )
    for layer in (adapted, inverse):
        layer.adapt(seen)
    return model


def backward(K, *layers):
    L = K.layers
    first = L.GRU(5, go_backwards=True, return_sequences=True)
    return series(K, first, *layers, L.Dense(2, activation="softmax"))


def without_weights(K):
    L = K.layers
    nothing = K.Sequential([L.Input((T, D)), L.Dropout(0.5)], name="nothing")
    something = K.Sequential([L.Input((T, D)), L.LSTM(D, return_sequences=True)], name="something")
    return series(
        K,
        nothing,
        something,
        L.TimeDistributed(L.Dropout(0.5)),
        L.TimeDistributed(L.Dense(D)),
        L.TimeDistributed(L.Dense(D)),
        L.GRU(5),
        L.Dense(2, "softmax"),
    )


def backward_stack(K):
    return backward(K, K.layers.BatchNormalization(), K.layers.LSTM(4))


def learned_slopes(K):
    L = K.layers
    return words(
        K,
        L.Embedding(V, D),
        L.LeakyReLU(0.17),
        L.LSTM(5),
        L.PReLU(),
        L.Dense(7, activation=L.LeakyReLU(0.4)),
        L.PReLU(),
        L.Dense(2, activation="softmax"),
    )


def supported(what, make):
    return Supported("Keras 2 and 3", SOURCES, what, make)


SUPPORTED = [
    supported("Embedding, LSTM, softmax", sentiment),
    supported("series, LSTM in two layers (relu), dense layers, mean squared error", prices),
    supported("masked Embedding, Bidirectional LSTM and GRU, one sigmoid", both_directions),
    supported("Bidirectional, merge_mode sum", lambda K: merged(K, "sum")),
    supported("Bidirectional, merge_mode ave", lambda K: merged(K, "ave")),
    supported("Bidirectional of an LSTM and a GRU", other_backward),
    supported("BatchNormalization anywhere, ReLU and Softmax as layers", normalized),
    supported("RNN of a stack of LSTMCell and GRUCell, reset before and after", cells),
    supported("RNN of one cell, in both directions; without biases", one_cell),
    supported("every step (TimeDistributed)", tagger),
    supported("GlobalMaxPooling1D", lambda K: pooled(K, "GlobalMaxPooling1D")),
    supported("GlobalAveragePooling1D", lambda K: pooled(K, "GlobalAveragePooling1D")),
    supported("GlobalAveragePooling1D under a mask", masked_mean),
    supported("models inside the model", nested),
    supported("dense layer on the words", projected_words),
    supported("linear dense layer on each step of a series, LeakyReLU", projected_series),
    supported("hard_sigmoid, softsign", hard),
    supported("functional, [:, -1] of every step", last_of_all),
    supported("functional, the state h (return_state)", state_of),
    supported("Flatten of one vector", flat),
    supported("Normalization and Rescaling of features", scaled),
    supported("go_backwards", lambda K: with_layer(K, K.layers.LSTM(5, go_backwards=True))),
    supported("go_backwards, a layer on it", backward_stack),
    supported(
        "go_backwards twice, which is forward",
        lambda K: backward(K, K.layers.LSTM(4, go_backwards=True)),
    ),
    supported(
        "go_backwards, GlobalMaxPooling1D", lambda K: backward(K, K.layers.GlobalMaxPooling1D())
    ),
    supported("PReLU, LeakyReLU of any slope", learned_slopes),
    supported("TimeDistributed and inner models without weights", without_weights),
    supported("no head", encoder),
]


def with_layer(K, *layers, **options):
    return series(K, *layers, K.layers.Dense(2, activation="softmax"), **options)


def two_inputs(K):
    L = K.layers
    a, b = L.Input((T, D)), L.Input((4,))
    return K.Model([a, b], L.Dense(2)(L.Concatenate()([L.LSTM(5)(a), b])))


def two_outputs(K):
    L = K.layers
    x = L.Input((T, D))
    h = L.LSTM(5)(x)
    return K.Model(x, [L.Dense(2, "softmax", name="one")(h), L.Dense(1, name="two")(h)])


def attention(K):
    L = K.layers

    def apply(x):
        h = L.LSTM(5, return_sequences=True)(x)
        return L.Dense(2)(L.GlobalAveragePooling1D()(L.Attention()([h, h])))

    return functional(K, apply)


def initial_state(K):
    L = K.layers

    def apply(x):
        _, h, c = L.LSTM(5, return_state=True)(x)
        return L.Dense(2)(L.LSTM(5)(x, initial_state=[h, c]))

    return functional(K, apply)


def cell_state(K):
    L = K.layers
    return functional(K, lambda x: L.Dense(2)(L.LSTM(5, return_state=True)(x)[2]))


def shared(K):
    L = K.layers
    lstm = L.LSTM(D, return_sequences=True)
    return functional(K, lambda x: L.Dense(2)(L.LSTM(5)(lstm(lstm(x)))))


def always_training(K):
    L = K.layers
    return functional(K, lambda x: L.Dense(2)(L.Dropout(0.5)(L.LSTM(5)(x), training=True)))


def masked_max(K):
    L = K.layers
    return words(
        K,
        L.Embedding(V, D, mask_zero=True),
        L.Bidirectional(L.LSTM(5, return_sequences=True)),
        L.GlobalMaxPooling1D(),
        L.Dense(2, activation="softmax"),
    )


def custom(K):
    class Mine(K.layers.Layer):
        def call(self, x):
            return x

    return with_layer(K, K.layers.LSTM(5), Mine(name="mine"))


def refused(what, make, message):
    return Refused("Keras 2 and 3", what, make, message)


def of(make):
    return lambda K: with_layer(K, *make(K.layers))


def bare(make):
    return lambda K: series(K, *make(K.layers))


LAMBDA = r"lambda \(Lambda\) has no counterpart"
REFUSED = [
    refused("several inputs", two_inputs, r"\(Concatenate\) takes 2 inputs \(.*inputs=NAME"),
    refused(
        "several outputs",
        two_outputs,
        r"the model has 2 outputs: one, two. Give outputs=NAME, the one to explain",
    ),
    refused("attention", attention, r"\(Attention\) takes 2 inputs"),
    refused("first states from another layer", initial_state, r"takes 3 inputs|initial_state="),
    refused("the state c of an LSTM", cell_state, "return_state=True is supported where"),
    refused("a layer applied twice", shared, r"\(LSTM\) is applied 2 times"),
    refused("Dropout that is called in training", always_training, "is called with training=True"),
    refused("GlobalMaxPooling1D under a mask", masked_max, "give pool=max"),
    refused("a layer of one's own", custom, r"mine \(.*Mine.*\) .*(counterpart|of its own)"),
    refused("Lambda", of(lambda L: [L.LSTM(5), L.Lambda(lambda x: x, name="lambda")]), LAMBDA),
    refused("SimpleRNN", of(lambda L: [L.SimpleRNN(5)]), r"\(SimpleRNN\) has no counterpart"),
    refused(
        "RNN of SimpleRNNCell",
        of(lambda L: [L.RNN(L.SimpleRNNCell(5))]),
        "a cell 'SimpleRNNCell' has no counterpart",
    ),
    refused(
        "Bidirectional SimpleRNN",
        of(lambda L: [L.Bidirectional(L.SimpleRNN(5))]),
        "a SimpleRNN has no counterpart",
    ),
    refused(
        "Conv1D",
        of(lambda L: [L.Conv1D(4, 2), L.LSTM(5)]),
        r"\(Conv1D\) has no counterpart.*inputs=NAME",
    ),
    refused("Flatten", of(lambda L: [L.LSTM(5, return_sequences=True), L.Flatten()]), r"\(Flatten"),
    refused(
        "LayerNormalization",
        of(lambda L: [L.LSTM(5), L.LayerNormalization()]),
        r"\(LayerNormalization\) has no counterpart",
    ),
    refused(
        "RepeatVector",
        of(lambda L: [L.LSTM(5), L.RepeatVector(6), L.LSTM(5)]),
        r"\(RepeatVector\) has no counterpart",
    ),
    refused("merge_mode mul", lambda K: merged(K, "mul"), "merge_mode='mul' is not supported"),
    refused(
        "go_backwards, every step",
        lambda K: backward(K),
        r"from the last step to the first \(go_backwards=True\)",
    ),
    refused(
        "stateful",
        lambda K: build(
            K, K.layers.Input(batch_size=1, shape=(T, D)), K.layers.LSTM(5, stateful=True)
        ),
        "stateful=True is not supported",
    ),
    refused(
        "a softmax inside a cell", of(lambda L: [L.LSTM(5, activation="softmax")]), "inside a cell"
    ),
    refused("mish", bare(lambda L: [L.LSTM(5), L.Dense(2, activation="mish")]), "'mish' is not"),
    refused(
        "go_backwards, both directions on it",
        lambda K: backward(K, K.layers.Bidirectional(K.layers.LSTM(4))),
        "reads what a layer with go_backwards=True gives",
    ),
    refused(
        "PReLU with slopes for each step",
        of(lambda L: [L.LSTM(5, return_sequences=True), L.PReLU(), L.GRU(4)]),
        r"\(PReLU\): alpha has shape \[6, 5\].*expected a slope for each of 5 features",
    ),
    refused(
        "Reshape of the steps",
        of(lambda L: [L.LSTM(5, return_sequences=True), L.Reshape((5, T)), L.GRU(4)]),
        r"\(Reshape\) has no counterpart",
    ),
    refused(
        "a dense layer on reshaped outputs",
        of(lambda L: [L.LSTM(5), L.Dense(4), L.Reshape((2, 2))]),
        r"reads the last axis that reshape.* makes",
    ),
    refused(
        "a ReLU with a largest value", of(lambda L: [L.LSTM(5), L.ReLU(max_value=1)]), "max_value=1"
    ),
    refused(
        "an ELU of another alpha", of(lambda L: [L.LSTM(5), L.ELU(0.5)]), "an ELU of alpha 0.5"
    ),
    refused(
        "a softmax before the last layer",
        of(lambda L: [L.LSTM(5), L.Dense(7, activation="softmax")]),
        "a softmax that is not the last layer",
    ),
    refused(
        "an activation at every step before a recurrent layer",
        of(lambda L: [L.Dense(4, activation="relu"), L.LSTM(5)]),
        r"has the activation relu at every step before",
    ),
    refused(
        "BatchNormalization of the steps",
        of(lambda L: [L.LSTM(5, return_sequences=True), L.BatchNormalization(axis=1), L.GRU(4)]),
        "normalizes axis",
    ),
    refused("no recurrent layer", of(lambda L: [L.Dense(5)]), "no recurrent layer"),
    refused(
        "a loss that does not say what a linear layer means",
        bare(lambda L: [L.LSTM(5), L.Dense(2)]),
        "does not say what its outputs stand for .* give output=",
    ),
]
