package binaries

import (
	"strings"
	"testing"
)

func TestSpace(t *testing.T) {
	t.Run("a full disk is reported before the build", testFullDiskIsReportedBeforeBuild)
}

func testFullDiskIsReportedBeforeBuild(t *testing.T) {
	var out strings.Builder
	all := len(Programs())
	if err := judgeSpace(&out, "/cache", 100*gib, all); err != nil || out.Len() > 0 {
		t.Errorf("with much room: %v, %q", err, out.String())
	}
	if err := judgeSpace(&out, "/cache", 3*gib, all); err != nil || !strings.Contains(out.String(), "/cache has 3.0 GiB left") {
		t.Errorf("with little room: %v, %q", err, out.String())
	}
	out.Reset()
	if err := judgeSpace(&out, "/cache", 3*gib, 1); err != nil || out.Len() > 0 {
		t.Errorf("with little room for one program: %v, %q", err, out.String())
	}
	if err := judgeSpace(&out, "/cache", gib/2, all); err == nil || !strings.Contains(err.Error(), "/cache has 0.5 GiB left") {
		t.Errorf("without room: %v", err)
	}
}
