module github.com/tollgate/tollgate/sdk/go

go 1.25
