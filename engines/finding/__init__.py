"""Which stored engine a run takes, by a written order."""
