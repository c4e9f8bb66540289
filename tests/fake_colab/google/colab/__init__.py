"""A stand-in for Colab's package, with its wire protocol (see shared/colab.md)."""
