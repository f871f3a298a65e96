"""What texts are made of: code points, words, lines, sentences, n-grams, found once a batch in compiled loops."""
