"""The packages of the distribution; everything else is said in setup.cfg.

The demos are a folder of the checkout, where `python -m demos.quiz` runs them. Installed they
are microgrid.demos, since a package called demos would be in the way of others.
"""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["microgrid*", "viz*"]), "microgrid.demos"],
    package_dir={"microgrid.demos": "demos"},
)
