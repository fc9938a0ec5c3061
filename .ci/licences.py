"""Checks the licences of all dependencies against the list in deny.toml, where cargo-deny isn't installed."""

import json
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


wrong = [f"{p['name']} {p['version']}: {p['license']}" for p in packages if not p["license"] or not fits(p["license"])]
if wrong:
    sys.exit("licences that deny.toml doesn't allow:\n" + "\n".join(wrong))
print(f"{len(packages)} packages have licences that deny.toml allows")
