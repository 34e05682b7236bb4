-- The actions on a ScaledObject of impulse.sh: those that would change nothing are disabled. A pause that has ended has annotations still, and
-- can be removed or replaced.
local names = { "paused", "paused-replicas", "paused-scale-in", "paused-scale-out" }
local annotations = obj.metadata.annotations or {}
local annotated = false
for _, group in ipairs({ "impulse.sh/", "autoscaling.keda.sh/" }) do
  for _, name in ipairs(names) do
    annotated = annotated or annotations[group .. name] ~= nil
  end
end
local paused = false
for _, condition in ipairs((obj.status or {}).conditions or {}) do
  paused = paused or (condition.type == "Paused" and condition.reason == "Paused")
end
local dryRun = obj.spec.dryRun == true

return {
  ["pause"] = { disabled = annotated and paused },
  ["resume"] = { disabled = not annotated },
  ["dry-run-on"] = { disabled = dryRun },
  ["dry-run-off"] = { disabled = not dryRun },
}
