using Xunit.Sdk;
using Xunit.v3;

// Each test runs processes of its own; side by side they would make each other late.
[assembly: Parallelization(Mode = ParallelMode.None)]
