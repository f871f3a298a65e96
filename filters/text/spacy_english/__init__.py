"""spaCy's English tokenizer as tables and compiled loops.

`tables` builds the tables from the tokenizer's own rules, `strings` looks words up in them, `affixes` finds what is cut
off at a chunk's ends and inside it, `addresses` says what is a web address, `split` cuts all chunks of a batch.
"""
