package scalers

// RulesInOrder returns, for each stage in order, its rules and the largest number of steps that it leaves.
func RulesInOrder() (rules [][]Rule, most []int) {
	for _, s := range order {
		rules, most = append(rules, s.rules), append(most, s.most)
	}
	return rules, most
}

// MaxSteps is the room for the steps of a decision.
const MaxSteps = maxSteps
