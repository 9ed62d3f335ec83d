"""What tablets capture offline and how it is merged without losing an answer."""
