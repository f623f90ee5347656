import click


@click.command()
def good():
    pass


def bad():
    pass
