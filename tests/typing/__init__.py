"""Types that mypy must infer and errors that it must report. Checked, never run."""
