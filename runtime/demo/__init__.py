"""The whole story on one throw-away database: import, intake, plan, field work, merge,
commitments."""
