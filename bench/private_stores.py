"""A private Redis and PostgreSQL for measurements, and what processes cost. Only the standard library.

Both servers are durable as their defaults have it (PostgreSQL with fsync, Redis with an append-only file that is synced each
second), listen on Unix sockets in a temporary folder alone, and end with this process. PostgreSQL refuses to run as root: then it
runs as nobody."""
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def program(name):
    """Debian keeps the servers' programs out of PATH, and has a wrapper there for PostgreSQL's, which takes longer than they do."""
    places = sorted(map(str, Path("/usr/lib/postgresql").glob(f"*/bin/{name}")), reverse=True)
    found = next(iter(places), None) or shutil.which(name)
    if found is None:
        raise FileNotFoundError(f"{name} is not installed")
    return found


def until(true, what, seconds=60, step=0.02):
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(f"after {seconds} s still not so: {what}")
        time.sleep(step)


class Redis:
    """Commands over the server's socket: run() sends many at once and returns their answers."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(path))
        self.reader = self.socket.makefile("rb")

    def run(self, commands):
        out = bytearray()
        for command in commands:
            out += b"*%d\r\n" % len(command)
            for word in command:
                word = word if isinstance(word, bytes) else str(word).encode()
                out += b"$%d\r\n%s\r\n" % (len(word), word)
        self.socket.sendall(out)
        return [self.answer() for _ in commands]

    def answer(self):
        line = self.reader.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RuntimeError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self.reader.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self.answer() for _ in range(int(rest))]
        return rest


class Stores:
    def __init__(self, folder):
        self.folder = Path(folder)
        self.folder.chmod(0o755)  # nobody must come to its data
        self.redis_socket = self.folder / "redis.sock"
        self.processes = []
        self.redis_process = self.start_redis()
        self.postgres_process = self.start_postgres()

    def start(self, command, **options):
        with open(self.folder / f"{Path(command[0]).name}.log", "ab") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, **options)
        self.processes.append(process)
        return process

    def start_redis(self):
        process = self.start([program("redis-server"), "--port", "0", "--unixsocket", str(self.redis_socket), "--dir", str(self.folder),
                              "--appendonly", "yes", "--appendfsync", "everysec", "--save", ""])
        until(self.redis_socket.exists, "Redis listens")
        return process

    def start_postgres(self):
        data = self.folder / "postgres"
        data.mkdir()
        owner = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(data, nobody.pw_uid, nobody.pw_gid)
            owner = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        subprocess.run([program("initdb"), "-D", data / "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"], check=True,
                       stdout=subprocess.DEVNULL, cwd=data, **owner)
        process = self.start([program("postgres"), "-D", str(data / "data"), "-k", str(data), "-c", "listen_addresses=", "-c",
                              "max_connections=200"], cwd=data, **owner)
        self.postgres_folder = data
        ready = [program("pg_isready"), "-q", "-h", data, "-U", "postgres"]
        until(lambda: subprocess.run(ready).returncode == 0, "PostgreSQL answers")
        return process

    def sql(self, database, *statements):
        command = [program("psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", "-h", str(self.postgres_folder), "-U", "postgres", "-d", database]
        for statement in statements:
            command += ["-c", statement]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def new_database(self, name):
        """Empty, on a server that has written what came before, and a Redis that has forgotten it."""
        self.sql("postgres", f"drop database if exists {name} with (force)", f"create database {name}", "checkpoint")
        self.redis().run([["FLUSHALL"]])
        return ["--postgres", f"host={self.postgres_folder} user=postgres dbname={name}"]

    def redis(self):
        return Redis(self.redis_socket)

    def end(self):
        for process in self.processes:
            process.send_signal(signal.SIGINT)  # of PostgreSQL: without waiting for clients
        for process in self.processes:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def process_times():
    """{pid: (parent, CPU seconds of it and of its children that ended)}"""
    times = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = Path("/proc", entry, "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            times[int(entry)] = int(fields[1]), sum(map(int, fields[11:15])) / TICKS
    return times


def cpu_of(roots):
    """Seconds that these processes and all below them have used."""
    times = process_times()
    family, grew = {pid for pid in roots if pid in times}, True
    while grew:
        more = {pid for pid, (parent, _) in times.items() if parent in family} - family
        family |= more
        grew = bool(more)
    return sum(times[pid][1] for pid in family)


def busy():
    """CPU seconds that the whole machine has used."""
    fields = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    return (sum(fields[:3]) + sum(fields[5:8])) / TICKS


class Meter:
    """CPU seconds of named process trees from now until stop(), and how many cores everything else on the machine used meanwhile."""

    def __init__(self, **roots):
        self.roots = {name: list(pids) for name, pids in roots.items()}
        self.before = {name: cpu_of(pids) for name, pids in self.roots.items()}
        self.own, self.all, self.began = cpu_of([os.getpid()]), busy(), time.monotonic()

    def stop(self):
        used = {f"{name}_cpu_s": cpu_of(pids) - self.before[name] for name, pids in self.roots.items()}
        wall = time.monotonic() - self.began
        others = max(0.0, busy() - self.all - (cpu_of([os.getpid()]) - self.own))
        return used | {"metered_s": wall, "others_cores": others / wall}
