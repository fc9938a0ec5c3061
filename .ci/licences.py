"""Checks the licences of all dependencies against the list in deny.toml, where cargo-deny isn't installed."""

import json
import pathlib
import re
import subprocess
import sys
import tomllib

with open("deny.toml", "rb") as file:
    allowed = set(tomllib.load(file)["licenses"]["allow"])

command = ["cargo", "metadata", "--format-version", "1", "--all-features", "--locked"]
packages = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)["packages"]


def fits(expression: str) -> bool:
    """Whether an SPDX expression can be met with licences of the list; `/` is an old way to write OR."""
    tokens = re.findall(r"[()]|[A-Za-z0-9.+-]+(?:\s+WITH\s+[A-Za-z0-9.-]+)?", expression.replace("/", " OR "))
    words = {"(": "(", ")": ")", "AND": "and", "OR": "or"}
    return eval(" ".join(words.get(token, str(token in allowed)) for token in tokens), {"__builtins__": {}})


def licence(package: dict) -> str | None:
    """What a package says, or the MIT licence if that is the text of the file it names instead."""
    if package["license"] or not package["license_file"]:
        return package["license"]
    text = " ".join((pathlib.Path(package["manifest_path"]).parent / package["license_file"]).read_text().split())
    mit = "MIT License" in text and "Permission is hereby granted, free of charge, to any person" in text
    return "MIT" if mit else None


found = [(f"{p['name']} {p['version']}", licence(p)) for p in packages]
wrong = [f"{name}: {licence}" for name, licence in found if not licence or not fits(licence)]
if wrong:
    sys.exit("licences that deny.toml doesn't allow:\n" + "\n".join(wrong))
print(f"{len(packages)} packages have licences that deny.toml allows")
