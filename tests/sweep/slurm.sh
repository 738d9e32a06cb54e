#!/usr/bin/env bash
# examples/slurm/sweep.sbatch on a slurmctld and slurmd of its own, on this machine: the merged files must be those of one sweep.
# Skipped (exit code 77) where Slurm is not installed. Arguments: the program, the repository. SLURM_ROOT in the environment: where
# Debian's packages were unpacked, if not at /.
set -euo pipefail
export LC_ALL=C
drydock=$1
source=$2
root=${SLURM_ROOT:-}
export PATH=$root/usr/sbin:$root/usr/bin:$PATH:/usr/sbin
[[ -z $root ]] || export LD_LIBRARY_PATH=$root/usr/lib/x86_64-linux-gnu:$root/usr/lib/x86_64-linux-gnu/slurm-wlm

skip() { echo "skipped: $*"; exit 77; }
# Debian's names, where they are not linked to the usual ones.
find_program() { command -v "$1" || command -v "$1-wlm" || true; }
slurmctld=$(find_program slurmctld)
slurmd=$(find_program slurmd)
slurmstepd=$(find_program slurmstepd)
[[ -n $slurmctld && -n $slurmd ]] || skip 'slurmctld and slurmd are not installed (Debian: slurmctld slurmd slurm-client)'
for program in sbatch squeue sinfo; do
  command -v "$program" >/dev/null || skip "$program is not installed (Debian: slurm-client)"
done
[[ $(id -u) == 0 ]] || skip 'slurmd wants to be root'

work=$(mktemp -d "${TMPDIR:-/tmp}/drydock-slurm-XXXXXX")
pids=()
finish() {
  local code=$?
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  if ((code != 0 && code != 77)); then tail -n 30 "$work"/*.log "$work"/*.out 2>/dev/null || true; fi
  rm -rf "$work"
  exit "$code"
}
trap finish EXIT

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
command -v python3 >/dev/null || skip 'python3 is not installed: it finds free ports'
plugins=$(find "$root/usr/lib" -maxdepth 3 -name auth_none.so -printf '%h\n' -quit 2>/dev/null || true)
[[ -n $plugins ]] || skip "Slurm's plugin auth/none is not installed"
host=$(hostname -s)
mkdir "$work/spool" "$work/state"
cat >"$work/slurm.conf" <<CONF
ClusterName=drydock
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$(free_port)
SlurmdPort=$(free_port)
AuthType=auth/none
CredType=cred/none
PluginDir=$plugins
SlurmUser=root
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
ReturnToService=2
SlurmctldTimeout=30
NodeName=$host NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=FORCE:4
CONF
export SLURM_CONF=$work/slurm.conf

"$slurmctld" -D -f "$SLURM_CONF" >"$work/slurmctld.log" 2>&1 &
pids+=($!)
"$slurmd" -D -f "$SLURM_CONF" -N "$host" ${root:+-d "$slurmstepd"} >"$work/slurmd.log" 2>&1 &
pids+=($!)
await() {  # SECONDS WHAT COMMAND...: until it succeeds
  local end=$((SECONDS + $1)) what=$2
  shift 2
  until "$@" >/dev/null 2>&1; do
    for pid in "${pids[@]}"; do
      kill -0 "$pid" 2>/dev/null || { echo 'slurmctld or slurmd has ended' >&2; exit 1; }
    done
    ((SECONDS < end)) || { echo "waited in vain for $what" >&2; exit 1; }
    sleep 0.3
  done
}
idle() { [[ $(sinfo -h -o %T) == idle ]]; }
await 120 'a node that is idle' idle

arguments=(mm1 --set /workload/0/count=2000 --vary /workload/0/arrivals/poisson/rate=0.3/s..0.9/s/7 --seeds 1..3)
"$drydock" sweep "${arguments[@]}" --out "$work/whole" >/dev/null
cd "$work"
export DRYDOCK=$drydock DRYDOCK_SWEEP_DIR=$work/array
job=$(sbatch --parsable --array=1-3 "$source/examples/slurm/sweep.sbatch" "${arguments[@]}")
ended() { [[ -z $(squeue -h -j "$job") ]]; }
await 300 'the end of the jobs' ended
for file in result.json summary.txt points.csv; do cmp "$work/whole/$file" "$work/array/$file"; done
echo "three tasks of job $job made the same files as one sweep"
