"""The only door of Optuna: a space becomes distributions, a trial designs, a study a front."""
