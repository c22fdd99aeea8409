package resource

import "testing"

func TestUnitOf(t *testing.T) {
	const user = "/user.slice/user-5.slice/user@5.service"
	for cgroup, want := range map[string]string{
		user + "/app.slice/a.scope/leaf/b.scope": "a.scope",
		user + "/a.service":                      "a.service",
		user + "/app.slice/app-x.slice/web":      "",
		user + "/web/b.scope":                    "",
		user:                                     "",
		"/system.slice/a.service":                "",
		"/":                                      "",
	} {
		if got := unitOf(cgroup); got != want {
			t.Errorf("%s: %q, want %q", cgroup, got, want)
		}
	}
}
