"""What the company promised, by when, and on what evidence it was kept."""
