"""What is done with recorded trials: train them again, restore their nets, predict with these."""
