"""What the notebooks of the course share: data, training loops and pictures."""
