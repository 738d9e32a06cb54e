"""Targets of benchmarks beside what was measured."""


def judge(parts):
    """Prints each target beside what was measured; True when all are met."""
    good = True
    if any(part.get("targets") for part in parts.values()):
        print("\nTargets:")
    for part in parts.values():
        for name, target in part.get("targets", {}).items():
            met = target["value"] <= target["at_most"] if "at_most" in target else target["value"] >= target["at_least"]
            bound = f"<= {target['at_most']:.6g}" if "at_most" in target else f">= {target['at_least']:.6g}"
            print(f"  {name:44}{target['value']:10.2f}   {bound:9}{'met' if met else 'MISSED'}")
            target["met"] = met
            good = good and met
    return good
