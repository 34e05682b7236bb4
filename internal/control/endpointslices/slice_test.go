package endpointslices

import (
	"reflect"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/impulse-sh/impulse/triggers"
)

func TestMerge(t *testing.T) {
	t.Parallel()
	t.Run("a pod in two slices is one endpoint", testPodInTwoSlicesIsOneEndpoint)
	t.Run("only TCP ports of ready endpoints count", testOnlyTCPPortsOfReadyEndpointsCount)
	t.Run("an object that is no slice of a Service is not kept", testObjectThatIsNoSliceOfServiceIsNotKept)
}

// sliceOf returns an EndpointSlice of the Service orders.
func sliceOf(ports []discoveryv1.EndpointPort, endpoints ...discoveryv1.Endpoint) *discoveryv1.EndpointSlice {
	return &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{discoveryv1.LabelServiceName: "orders"}}, Ports: ports, Endpoints: endpoints,
	}
}

func endpointOf(uid types.UID, addresses ...string) discoveryv1.Endpoint {
	e := discoveryv1.Endpoint{Addresses: addresses}
	if uid != "" {
		e.TargetRef = &corev1.ObjectReference{Kind: "Pod", UID: uid}
	}
	return e
}

func merged(t *testing.T, all ...*discoveryv1.EndpointSlice) []triggers.ServiceEndpoint {
	t.Helper()
	var kept []slice
	for _, s := range all {
		one, ok := trim(s)
		if !ok || one.service != "orders" {
			t.Fatalf("got %+v, %t, want a slice of orders", one, ok)
		}
		kept = append(kept, one)
	}
	return merge(kept)
}

func testPodInTwoSlicesIsOneEndpoint(t *testing.T) {
	t.Parallel()
	web, admin := []discoveryv1.EndpointPort{{Port: new(int32(8080))}}, []discoveryv1.EndpointPort{{Port: new(int32(9090))}}
	for name, c := range map[string]struct {
		slices []*discoveryv1.EndpointSlice
		want   []triggers.ServiceEndpoint
	}{
		"IPv6 and IPv4": {
			[]*discoveryv1.EndpointSlice{sliceOf(web, endpointOf("a", "fd00::1"), endpointOf("b", "fd00::2")), sliceOf(web, endpointOf("b", "10.0.0.2"), endpointOf("a", "10.0.0.1"))},
			[]triggers.ServiceEndpoint{{Address: "10.0.0.1", Ports: []int32{8080}}, {Address: "10.0.0.2", Ports: []int32{8080}}},
		},
		"IPv6 alone": {
			[]*discoveryv1.EndpointSlice{sliceOf(web, endpointOf("a", "fd00::1"))}, []triggers.ServiceEndpoint{{Address: "fd00::1", Ports: []int32{8080}}},
		},
		"without pods": {
			[]*discoveryv1.EndpointSlice{sliceOf(web, endpointOf("", "10.0.0.1", "10.0.0.7")), sliceOf(web, endpointOf("", "10.0.0.1"), endpointOf("", "10.0.0.2"))},
			[]triggers.ServiceEndpoint{{Address: "10.0.0.1", Ports: []int32{8080}}, {Address: "10.0.0.2", Ports: []int32{8080}}},
		},
		"two ports": {
			[]*discoveryv1.EndpointSlice{sliceOf(admin, endpointOf("a", "10.0.0.1")), sliceOf(web, endpointOf("a", "10.0.0.1"))},
			[]triggers.ServiceEndpoint{{Address: "10.0.0.1", Ports: []int32{8080, 9090}}},
		},
		"all ports": {
			[]*discoveryv1.EndpointSlice{sliceOf(nil, endpointOf("a", "10.0.0.1")), sliceOf(web, endpointOf("a", "10.0.0.1"))},
			[]triggers.ServiceEndpoint{{Address: "10.0.0.1"}},
		},
	} {
		if got := merged(t, c.slices...); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
}

func testOnlyTCPPortsOfReadyEndpointsCount(t *testing.T) {
	t.Parallel()
	ready, unready := endpointOf("", "10.0.0.1"), endpointOf("", "10.0.0.2")
	ready.Conditions.Ready, unready.Conditions.Ready = new(true), new(false)
	got := merged(t, sliceOf([]discoveryv1.EndpointPort{
		{Port: new(int32(53)), Protocol: new(corev1.ProtocolUDP)}, {Port: new(int32(8080)), Protocol: new(corev1.ProtocolTCP)},
	}, ready, unready, endpointOf("", "10.0.0.3"), discoveryv1.Endpoint{}))
	want := []triggers.ServiceEndpoint{{Address: "10.0.0.1", Ports: []int32{8080}}, {Address: "10.0.0.3", Ports: []int32{8080}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func testObjectThatIsNoSliceOfServiceIsNotKept(t *testing.T) {
	t.Parallel()
	for _, object := range []any{&corev1.Pod{}, &discoveryv1.EndpointSlice{}} {
		if got, ok := trim(object); ok {
			t.Errorf("%T: got %+v, want nothing", object, got)
		}
	}
}
