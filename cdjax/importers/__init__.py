"""Another framework's weights become `LSTMParams`. No framework is imported here."""
