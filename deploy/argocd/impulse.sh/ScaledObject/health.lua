-- The health of a ScaledObject of impulse.sh, from its conditions: docs/conditions.md.
local function result(status, message)
  return { status = status, message = message }
end

local status = obj.status
if status == nil or status.conditions == nil then
  return result("Progressing", "Impulse has not decided on this object yet")
end
if obj.metadata.generation ~= nil and (status.observedGeneration or 0) < obj.metadata.generation then
  return result("Progressing", "Impulse has not decided on this version of the object yet")
end

local conditions = {}
for _, condition in ipairs(status.conditions) do
  conditions[condition.type] = condition
end

local function text(condition)
  if condition.message == nil or condition.message == "" then
    return condition.reason
  end
  return condition.reason .. ": " .. condition.message
end

-- These reasons end by themselves, soon after a start.
local waiting = { WaitingForTriggers = true, TargetUnknown = true }

for _, name in ipairs({ "Ready", "AbleToScale" }) do
  local condition = conditions[name]
  if condition ~= nil and condition.status == "False" and condition.reason ~= "DryRun" then
    if waiting[condition.reason] then
      return result("Progressing", text(condition))
    end
    return result("Degraded", text(condition))
  end
end

local able, paused = conditions.AbleToScale, conditions.Paused
if able ~= nil and able.reason == "Contested" then
  return result("Degraded", text(able))
end
if paused ~= nil and (paused.reason == "Paused" or paused.reason == "PausedReplicas") then
  return result("Suspended", text(paused))
end
if able ~= nil and able.reason == "DryRun" then
  return result("Suspended", text(able))
end
if paused ~= nil and paused.status == "True" then
  return result("Healthy", text(paused))
end
return result("Healthy", status.reason or "")
