"""Checks Cargo.lock against a RustSec advisory database: `python3 .ci/advisories.py [DATABASE]`.

DATABASE is a clone of https://github.com/rustsec/advisory-db, bare or with files. Without it, the script takes
THORN_ADVISORY_DB, then a clone that cargo-audit or cargo-deny left, then a clone of its own, which it makes or
brings up to date if the network allows. If it finds none, it says so and checks nothing; with `--strict` that is
an error. Advisories that `[advisories] ignore` in deny.toml lists are passed over, and a listed one that is no
longer met is an error, so that the list stays true.
"""

import argparse
import datetime
import os
import pathlib
import re
import subprocess
import sys
import tomllib

UPSTREAM = "https://github.com/rustsec/advisory-db"
# Notices about a crate that isn't maintained are shown and no error, as in deny.toml.
NOTICES = {"unmaintained", "notice"}

root = pathlib.Path(__file__).resolve().parent.parent


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("database", nargs="?", type=pathlib.Path, default=os.environ.get("THORN_ADVISORY_DB") or None)
    parser.add_argument("--lock", type=pathlib.Path, default=root / "Cargo.lock")
    parser.add_argument("--deny", type=pathlib.Path, default=root / "deny.toml")
    parser.add_argument("--strict", action="store_true", help="fail if there is no database")
    return parser.parse_args()


def git(database: pathlib.Path, *command: str) -> str:
    run = subprocess.run(["git", "-C", str(database), *command], check=True, capture_output=True, text=True)
    return run.stdout


def found_database() -> pathlib.Path | None:
    """A clone that is there, or a new one."""
    home = pathlib.Path(os.environ.get("CARGO_HOME") or pathlib.Path.home() / ".cargo")
    own = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "thorn-advisory-db"
    quiet = {"check": True, "timeout": 120, "capture_output": True, "env": {**os.environ, "GIT_TERMINAL_PROMPT": "0"}}
    try:
        if own.exists():
            subprocess.run(["git", "-C", str(own), "pull", "--quiet", "--ff-only"], **quiet)
        else:
            subprocess.run(["git", "clone", "--quiet", "--depth", "1", UPSTREAM, str(own)], **quiet)
    except (OSError, subprocess.SubprocessError):
        pass
    clones = [own, home / "advisory-db", *sorted((home / "advisory-dbs").glob("*"))]
    return next((clone for clone in clones if (clone / "crates").is_dir()), None)


def advisories(database: pathlib.Path) -> tuple[list[dict], datetime.date]:
    """All advisories, and the day of the database: of its last commit, else of its newest advisory."""
    if (database / "crates").is_dir():
        texts = [path.read_text() for path in database.glob("crates/*/RUSTSEC-*.md")]
    else:
        texts = bare_texts(database)
    parsed = [tomllib.loads(block.group(1)) for text in texts if (block := re.match(r"```toml\n(.*?)\n```", text, re.S))]
    if not parsed:
        sys.exit(f"{database} holds no advisories; give a clone of {UPSTREAM}")
    try:
        day = datetime.date.fromisoformat(git(database, "log", "-1", "--format=%cs").strip())
    except (OSError, ValueError, subprocess.CalledProcessError):
        day = max(datetime.date.fromisoformat(str(one["advisory"]["date"])) for one in parsed)
    return parsed, day


def bare_texts(database: pathlib.Path) -> list[str]:
    """The advisories of a clone without files."""
    try:
        paths = [path for path in git(database, "ls-tree", "-r", "--name-only", "HEAD", "crates/").split("\n") if path]
    except (OSError, subprocess.CalledProcessError):
        sys.exit(f"{database} is no RustSec database; give a clone of {UPSTREAM}")
    names = "".join(f"HEAD:{path}\n" for path in paths if re.search(r"/RUSTSEC-[^/]*\.md$", path)).encode()
    command = ["git", "-C", str(database), "cat-file", "--batch"]
    output = subprocess.run(command, input=names, check=True, capture_output=True).stdout
    texts, position = [], 0
    while position < len(output):
        line = output.index(b"\n", position)
        size = int(output[position:line].rsplit(b" ", 1)[1])
        texts.append(output[line + 1 : line + 1 + size].decode())
        position = line + size + 2
    return texts


def key(version: str) -> tuple:
    """A version as SemVer orders it."""
    version = version.split("+")[0]
    numbers, _, pre = version.partition("-")
    parts = [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in pre.split(".")] if pre else []
    padded = [int(part) for part in numbers.split(".")] + [0, 0]
    return (*padded[:3], not parts, parts)


def meets(version: str, requirement: str) -> bool:
    """Whether a version fits every comparison of a requirement such as `>= 1.2, < 2`."""
    return all(meets_one(key(version), part.strip()) for part in requirement.split(","))


def meets_one(version: tuple, comparison: str) -> bool:
    operator, bound = re.fullmatch(r"(>=|<=|>|<|=|\^|~)?\s*(\S+)", comparison).groups()
    given = len(bound.split("-")[0].split("."))
    low = key(bound)
    match operator:
        case ">=":
            return version >= low
        case "<=":
            return version <= low
        case ">":
            return version > low
        case "<":
            return version < low
        case "=":
            return version[:given] == low[:given] if given < 3 else version == low
    numbers = list(low[:3])
    # The last number that may not grow: of `~` the minor one, else the first that isn't zero.
    fixed = min(given, 2) - 1 if operator == "~" else next((i for i in range(given) if numbers[i]), given - 1)
    high = [*numbers[:fixed], numbers[fixed] + 1, 0, 0][:3]
    return version >= low and list(version[:3]) < high


def main() -> None:
    given = arguments()
    if given.database and not given.database.is_dir():
        sys.exit(f"there is no RustSec database at {given.database}")
    database = given.database or found_database()
    if database is None:
        message = f"no RustSec database can be reached, so Cargo.lock wasn't checked; give the path of a clone of {UPSTREAM}"
        sys.exit(message) if given.strict else print(message)
        return
    known, day = advisories(database)
    ignored = {
        entry["id"] if isinstance(entry, dict) else entry
        for entry in tomllib.loads(given.deny.read_text()).get("advisories", {}).get("ignore", [])
    }
    packages = [one for one in tomllib.loads(given.lock.read_text())["package"] if "source" in one]
    age = (datetime.date.today() - day).days
    print(f"RustSec database {database}: {len(known)} advisories, of {day}, {age} days old; {len(packages)} packages")

    met, errors = set(), []
    for entry in known:
        advisory, versions = entry["advisory"], entry.get("versions", {})
        if "withdrawn" in advisory:
            continue
        safe = versions.get("patched", []) + versions.get("unaffected", [])
        for package in packages:
            if package["name"] != advisory["package"]:
                continue
            if any(meets(package["version"], requirement) for requirement in safe):
                continue
            met.add(advisory["id"])
            kind = advisory.get("informational")
            line = f"{advisory['id']}: {package['name']} {package['version']} ({kind or 'vulnerability'})"
            line += f"; patched: {' or '.join(versions.get('patched', [])) or 'never'}"
            if advisory["id"] in ignored:
                print(f"ignored: {line}")
            elif kind in NOTICES:
                print(f"notice: {line}")
            else:
                errors.append(line)
    errors += [f"{one} in deny.toml concerns no package any more; remove it" for one in sorted(ignored - met)]
    if errors:
        sys.exit("\n".join(errors))
    print("no package has a known vulnerability")


main()
