package bridgeaddr

import "testing"

func TestParse(t *testing.T) {
	t.Run("a bridge listens only where this machine reaches it", testBridgeListensOnlyWhereThisMachineReachesIt)
}

func testBridgeListensOnlyWhereThisMachineReachesIt(t *testing.T) {
	for text, valid := range map[string]bool{
		"unix:///run/impulse/keda-bridge.sock": true, "127.0.0.1:9666": true, "[::1]:9666": true, "127.9.9.9:1": true,
		"": false, "unix://": false, "unix://run/x": false, "unix:///a/../b": false, "unix:/run/x": false, "unix:///": false,
		"0.0.0.0:9666": false, "[::]:9666": false, "10.0.0.1:9666": false, "localhost:9666": false, ":9666": false, "bridge.shop:9666": false,
		"127.0.0.1": false, "http://127.0.0.1:9666": false,
	} {
		a, err := Parse(text)
		if (err == nil) != valid {
			t.Errorf("%q: got the error %v, want one: %t", text, err, !valid)
		}
		if err == nil && a.String() != text {
			t.Errorf("%q: got %q", text, a.String())
		}
	}
}
