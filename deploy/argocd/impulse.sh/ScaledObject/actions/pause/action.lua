-- Keeps the count as it is, and replaces an earlier pause, as impulse pause does.
local names = { "paused", "paused-replicas", "paused-scale-in", "paused-scale-out", "paused-until", "paused-reason" }
local annotations = obj.metadata.annotations or {}
for _, group in ipairs({ "impulse.sh/", "autoscaling.keda.sh/" }) do
  for _, name in ipairs(names) do
    annotations[group .. name] = nil
  end
end
annotations["impulse.sh/paused"] = "true"
annotations["impulse.sh/paused-reason"] = "paused in Argo CD"
obj.metadata.annotations = annotations
return obj
