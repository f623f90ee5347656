def option_without_default(results, path, *, theme):
    path.write_text("page")


def needs_rows(results, path):
    path.write_text(results.frame()["nn"].iloc[0])


def writes_nothing(results, path):
    pass
