"""Judge estimators by what they would have said of learning curves that were recorded."""
