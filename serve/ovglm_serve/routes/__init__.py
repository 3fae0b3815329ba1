"""One module per group of endpoints: parse, call, translate, answer."""
