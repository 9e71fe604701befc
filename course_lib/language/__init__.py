"""Language models: tokenization, pretraining, fine-tuning, features."""
