package scalers

// RulesInOrder returns the rules of the table's stages, first to last, and how many steps each stage leaves at most.
func RulesInOrder() (rules [][]Rule, most []int) {
	for _, s := range order {
		rules, most = append(rules, s.rules), append(most, s.most)
	}
	return rules, most
}

// MaxSteps is the room for the steps of a decision.
const MaxSteps = maxSteps
