package chaos

import (
	"context"
	"errors"
	"net"
	"testing"
)

// gossip is the wire that the other Alertmanagers reach one through: TCP and UDP on one port.
type gossip struct {
	*wire

	packets net.PacketConn
}

// newGossip makes a wire to the cluster address of an Alertmanager.
func newGossip(t *testing.T, to string) *gossip {
	t.Helper()
	g := &gossip{wire: newWire(t, to)}
	var config net.ListenConfig
	packets, err := config.ListenPacket(t.Context(), "udp", g.address())
	if err != nil {
		t.Fatal(err)
	}
	g.packets = packets
	g.all.Go(func() { g.forward(g.ctx) })
	t.Cleanup(func() { _ = packets.Close() })
	return g
}

// forward passes packets on while the wire is whole; those that it does not pass are lost, as packets are.
func (g *gossip) forward(ctx context.Context) {
	out, err := new(net.Dialer).DialContext(ctx, "udp", g.to)
	if err != nil {
		return
	}
	defer out.Close()
	buffer := make([]byte, 64<<10)
	for {
		n, _, err := g.packets.ReadFrom(buffer)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if s, _, _ := g.get(); err == nil && s == whole {
			_, _ = out.Write(buffer[:n]) // Nobody may listen: then it is lost.
		}
	}
}
