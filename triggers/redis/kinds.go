package redis

import "errors"

// The configs of the six kinds.
type (
	listConfig struct {
		Server
		Database
		List
	}
	clusterListConfig struct {
		Server
		List
	}
	sentinelListConfig struct {
		Server
		Sentinels
		Database
		List
	}
	streamConfig struct {
		Server
		Database
		Stream
	}
	clusterStreamConfig struct {
		Server
		Stream
	}
	sentinelStreamConfig struct {
		Server
		Sentinels
		Database
		Stream
	}
)

// Validate returns all mistakes.
func (c listConfig) Validate() error {
	return errors.Join(c.Server.check(false), c.Database.check(), c.List.check())
}

// Validate returns all mistakes.
func (c clusterListConfig) Validate() error {
	return errors.Join(c.Server.check(true), c.List.check())
}

// Validate returns all mistakes.
func (c sentinelListConfig) Validate() error {
	return errors.Join(c.Server.check(true), c.Database.check(), c.List.check())
}

// Validate returns all mistakes.
func (c streamConfig) Validate() error {
	return errors.Join(c.Server.check(false), c.Database.check(), c.Stream.check())
}

// Validate returns all mistakes.
func (c clusterStreamConfig) Validate() error {
	return errors.Join(c.Server.check(true), c.Stream.check())
}

// Validate returns all mistakes.
func (c sentinelStreamConfig) Validate() error {
	return errors.Join(c.Server.check(true), c.Database.check(), c.Stream.check())
}

func (c listConfig) settings() settings {
	return settings{mode: single, server: c.Server, database: c.DatabaseIndex}
}

func (c clusterListConfig) settings() settings { return settings{mode: cluster, server: c.Server} }

func (c sentinelListConfig) settings() settings {
	return settings{mode: sentinel, server: c.Server, sentinels: c.Sentinels, database: c.DatabaseIndex}
}

func (c streamConfig) settings() settings {
	return settings{mode: single, server: c.Server, database: c.DatabaseIndex}
}

func (c clusterStreamConfig) settings() settings { return settings{mode: cluster, server: c.Server} }

func (c sentinelStreamConfig) settings() settings {
	return settings{mode: sentinel, server: c.Server, sentinels: c.Sentinels, database: c.DatabaseIndex}
}
