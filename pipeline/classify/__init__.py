"""Classifiers of pages: from labelled or cited documents to a judged fastText model with its card and report."""
