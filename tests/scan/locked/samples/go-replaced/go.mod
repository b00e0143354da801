module example.test/sample // comment

go 1.20

require example.test/one v1.0.0

require (
	example.test/two/v2 v2.3.4 // indirect
	"example.test/three" v0.1.0
	example.test/four v0.2.0
)

replace (
	example.test/two/v2 => ../two
	example.test/three v0.1.0 => example.test/fork v0.1.1
	example.test/four v0.9.0 => example.test/fork v0.9.9
)

retract v1.0.1
