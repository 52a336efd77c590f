"""The equations once more, as literal as can be: float64, one step, one gate, one order at a time.

Shares no code with cdjax. `gamma` is propagated on its own.
"""

import itertools

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def shapley(f, terms, bias):
    shares = [0.0 for _ in terms]
    orders = list(itertools.permutations(range(len(terms))))
    for order in orders:
        for place, k in enumerate(order):
            before = bias + sum((terms[j] for j in order[:place]), 0 * bias)
            shares[k] += (f(before + terms[k]) - f(before)) / len(orders)
    return shares


def decompose(W, V, b, x, inside, own_term, product_owner):
    """Return beta, gamma, h at every step. `product_owner`: gamma, beta or beta-but-last."""
    H = V.shape[-1]
    beta, gamma, beta_c, gamma_c, h, c = (np.zeros(H) for _ in range(6))
    rows = []
    for t in range(len(x)):
        rel, irr, bias, whole = {}, {}, {}, {}
        for gate, f, k in (("i", sigmoid, 0), ("f", sigmoid, 1), ("g", np.tanh, 2)):
            wx, v_beta, v_gamma = W[k] @ x[t], V[k] @ beta, V[k] @ gamma
            if own_term:
                l_beta, l_gamma, l_x = shapley(f, [v_beta, v_gamma, wx], b[k])
                rel[gate] = l_beta + (l_x if inside[t] else 0)
                irr[gate] = l_gamma + (0 if inside[t] else l_x)
            elif inside[t]:
                rel[gate], irr[gate] = shapley(f, [v_beta + wx, v_gamma], b[k])
            else:
                rel[gate], irr[gate] = shapley(f, [v_beta, v_gamma + wx], b[k])
            bias[gate] = f(b[k])
            whole[gate] = f(wx + V[k] @ h + b[k])
        beta_f = (rel["f"] + bias["f"]) * beta_c
        gamma_f = (rel["f"] + irr["f"] + bias["f"]) * gamma_c + irr["f"] * beta_c
        beta_u = rel["i"] * (rel["g"] + bias["g"]) + bias["i"] * rel["g"]
        gamma_u = irr["i"] * (rel["g"] + irr["g"] + bias["g"]) + (rel["i"] + bias["i"]) * irr["g"]
        last = t == max(np.flatnonzero(inside), default=-1)
        owner = {"gamma": False, "beta": True, "beta-but-last": not last}[product_owner]
        if owner and inside[t]:
            beta_u = beta_u + bias["i"] * bias["g"]
        else:
            gamma_u = gamma_u + bias["i"] * bias["g"]
        beta_c, gamma_c = beta_f + beta_u, gamma_f + gamma_u
        o = sigmoid(W[3] @ x[t] + V[3] @ h + b[3])
        l_beta, l_gamma = shapley(np.tanh, [beta_c, gamma_c], np.zeros(H))
        beta, gamma = o * l_beta, o * l_gamma
        c = whole["f"] * c + whole["i"] * whole["g"]
        h = o * np.tanh(c)
        rows.append((beta, gamma, h))
    return tuple(np.stack(column) for column in zip(*rows, strict=True))


CHOICES = {
    "paper": (True, "gamma"),
    "acd": (False, "beta"),
    "released": (False, "beta-but-last"),
    "merged": (False, "gamma"),
}
