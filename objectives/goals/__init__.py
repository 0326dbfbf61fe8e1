"""What a study may minimise, maximise or bound: objectives, each registered under `dse.objectives`."""
