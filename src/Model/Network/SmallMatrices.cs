using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Spikeformer.Network;

/// <summary>Products of float32 matrices that fit a core's cache. Attention needs thousands of them, each too small for a library call.</summary>
/// <remarks>In every tile, an element is one chain of fused multiply-adds along k, so AVX-512 and AVX2 give the same bits.</remarks>
internal static unsafe class SmallMatrices
{
    /// <summary>The columns of B and C are whole vectors of this length.</summary>
    public const int Lanes = 16;

    private const int TileRows = 4, TileColumns = 4 * Lanes;

    /// <summary>Computes C = A B.</summary>
    /// <param name="rows">Rows of A and C.</param>
    /// <param name="columns">Columns of B and C, a multiple of 16.</param>
    /// <param name="depth">Columns of A and rows of B.</param>
    /// <param name="a">A; element (i, k) is <c>a[i * aRow + k * aColumn]</c>, so strides can transpose A.</param>
    /// <param name="aRow">Distance between A's rows.</param>
    /// <param name="aColumn">Distance between A's columns.</param>
    /// <param name="b">B, in rows of <paramref name="columns"/>.</param>
    /// <param name="c">C, in rows of <paramref name="columns"/>.</param>
    public static void Multiply(int rows, int columns, int depth, float* a, int aRow, int aColumn, float* b, float* c)
    {
        int column = 0;
        for (; column <= columns - TileColumns; column += TileColumns)
        {
            int row = 0;
            for (; row <= rows - TileRows; row += TileRows) Tile4x4(depth, a + row * aRow, aRow, aColumn, b + column, columns, c + (long)row * columns + column);
            for (; row < rows; row++) Tile1x4(depth, a + row * aRow, aColumn, b + column, columns, c + (long)row * columns + column);
        }
        for (; column < columns; column += Lanes)
        {
            int row = 0;
            for (; row <= rows - TileRows; row += TileRows) Tile4x1(depth, a + row * aRow, aRow, aColumn, b + column, columns, c + (long)row * columns + column);
            for (; row < rows; row++) Tile1x1(depth, a + row * aRow, aColumn, b + column, columns, c + (long)row * columns + column);
        }
    }

    /// <summary>Computes to[j, i] = from[i, j].</summary>
    /// <param name="rows">Rows of <paramref name="from"/>.</param>
    /// <param name="columns">Columns of <paramref name="from"/>.</param>
    /// <param name="from">The source, in rows of <paramref name="columns"/>.</param>
    /// <param name="to">The target, in rows of <paramref name="stride"/>; the elements beyond the first <paramref name="rows"/> of each row are not
    /// written.</param>
    /// <param name="stride">Distance between the target's rows.</param>
    public static void Transpose(int rows, int columns, float* from, float* to, int stride)
    {
        for (int j = 0; j < columns; j += Lanes)
            for (int i = 0; i < rows; i++)
                for (int jj = j; jj < Math.Min(j + Lanes, columns); jj++)
                    to[(long)jj * stride + i] = from[(long)i * columns + jj];
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile4x4(int depth, float* a, int aRow, int aColumn, float* b, int columns, float* c)
    {
        Vector512<float> c00 = default, c01 = default, c02 = default, c03 = default, c10 = default, c11 = default, c12 = default, c13 = default;
        Vector512<float> c20 = default, c21 = default, c22 = default, c23 = default, c30 = default, c31 = default, c32 = default, c33 = default;
        for (int k = 0; k < depth; k++, a += aColumn, b += columns)
        {
            Vector512<float> b0 = Vector512.Load(b), b1 = Vector512.Load(b + Lanes), b2 = Vector512.Load(b + 2 * Lanes), b3 = Vector512.Load(b + 3 * Lanes);
            Vector512<float> a0 = Vector512.Create(a[0]);
            c00 = Vector512.FusedMultiplyAdd(a0, b0, c00);
            c01 = Vector512.FusedMultiplyAdd(a0, b1, c01);
            c02 = Vector512.FusedMultiplyAdd(a0, b2, c02);
            c03 = Vector512.FusedMultiplyAdd(a0, b3, c03);
            Vector512<float> a1 = Vector512.Create(a[aRow]);
            c10 = Vector512.FusedMultiplyAdd(a1, b0, c10);
            c11 = Vector512.FusedMultiplyAdd(a1, b1, c11);
            c12 = Vector512.FusedMultiplyAdd(a1, b2, c12);
            c13 = Vector512.FusedMultiplyAdd(a1, b3, c13);
            Vector512<float> a2 = Vector512.Create(a[2 * aRow]);
            c20 = Vector512.FusedMultiplyAdd(a2, b0, c20);
            c21 = Vector512.FusedMultiplyAdd(a2, b1, c21);
            c22 = Vector512.FusedMultiplyAdd(a2, b2, c22);
            c23 = Vector512.FusedMultiplyAdd(a2, b3, c23);
            Vector512<float> a3 = Vector512.Create(a[3 * aRow]);
            c30 = Vector512.FusedMultiplyAdd(a3, b0, c30);
            c31 = Vector512.FusedMultiplyAdd(a3, b1, c31);
            c32 = Vector512.FusedMultiplyAdd(a3, b2, c32);
            c33 = Vector512.FusedMultiplyAdd(a3, b3, c33);
        }
        Store4(c, c00, c01, c02, c03);
        Store4(c + columns, c10, c11, c12, c13);
        Store4(c + 2 * columns, c20, c21, c22, c23);
        Store4(c + 3 * columns, c30, c31, c32, c33);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store4(float* c, Vector512<float> c0, Vector512<float> c1, Vector512<float> c2, Vector512<float> c3)
    {
        c0.Store(c);
        c1.Store(c + Lanes);
        c2.Store(c + 2 * Lanes);
        c3.Store(c + 3 * Lanes);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile1x4(int depth, float* a, int aColumn, float* b, int columns, float* c)
    {
        Vector512<float> c0 = default, c1 = default, c2 = default, c3 = default;
        for (int k = 0; k < depth; k++, a += aColumn, b += columns)
        {
            Vector512<float> value = Vector512.Create(*a);
            c0 = Vector512.FusedMultiplyAdd(value, Vector512.Load(b), c0);
            c1 = Vector512.FusedMultiplyAdd(value, Vector512.Load(b + Lanes), c1);
            c2 = Vector512.FusedMultiplyAdd(value, Vector512.Load(b + 2 * Lanes), c2);
            c3 = Vector512.FusedMultiplyAdd(value, Vector512.Load(b + 3 * Lanes), c3);
        }
        Store4(c, c0, c1, c2, c3);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile4x1(int depth, float* a, int aRow, int aColumn, float* b, int columns, float* c)
    {
        Vector512<float> c0 = default, c1 = default, c2 = default, c3 = default;
        for (int k = 0; k < depth; k++, a += aColumn, b += columns)
        {
            Vector512<float> values = Vector512.Load(b);
            c0 = Vector512.FusedMultiplyAdd(Vector512.Create(a[0]), values, c0);
            c1 = Vector512.FusedMultiplyAdd(Vector512.Create(a[aRow]), values, c1);
            c2 = Vector512.FusedMultiplyAdd(Vector512.Create(a[2 * aRow]), values, c2);
            c3 = Vector512.FusedMultiplyAdd(Vector512.Create(a[3 * aRow]), values, c3);
        }
        c0.Store(c);
        c1.Store(c + columns);
        c2.Store(c + 2 * columns);
        c3.Store(c + 3 * columns);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Tile1x1(int depth, float* a, int aColumn, float* b, int columns, float* c)
    {
        Vector512<float> sum = default;
        for (int k = 0; k < depth; k++, a += aColumn, b += columns) sum = Vector512.FusedMultiplyAdd(Vector512.Create(*a), Vector512.Load(b), sum);
        sum.Store(c);
    }
}
