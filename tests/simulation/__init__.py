"""One seed, one schedule: tablets, a lying network, wrong clocks, crashes; then heal and judge."""
