"""The default response, written from the evidence and from named judgements."""
