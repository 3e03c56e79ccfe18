module signed-requests

go 1.25

require github.com/tollgate/tollgate/sdk/go v0.1.0

// `tollgate policy` lays the SDK there, in its own version.
replace github.com/tollgate/tollgate/sdk/go => ./.tollgate/sdk/go
